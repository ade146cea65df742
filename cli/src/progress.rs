//! A progress bar, where a person waits for a long file.

use std::fs::File;
use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// A shorter file is done before a bar would be of use.
const LONG_BYTES: u64 = 1 << 20;

pub(crate) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn none() -> Self {
        Self { bar: None }
    }

    /// A bar for a long regular file, where it is seen and does not run through the output.
    pub(crate) fn of(file: &File) -> Self {
        let visible = io::stderr().is_terminal() && !io::stdout().is_terminal();
        let length = file
            .metadata()
            .ok()
            .filter(|metadata| metadata.is_file())
            .map_or(0, |metadata| metadata.len());
        if !visible || length < LONG_BYTES {
            return Self::none();
        }
        let style = ProgressStyle::with_template(
            "{wide_bar} {percent:>3} %  {binary_bytes_per_sec}  {eta}",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self {
            bar: Some(ProgressBar::new(length).with_style(style)),
        }
    }

    /// One more line of `bytes`, and its end.
    pub(crate) fn advance(&self, bytes: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes as u64 + 1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
