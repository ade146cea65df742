//! The supervisor's thread: waits for signals, has things looked after, fetches, tells.

use crate::http::{Answer, Http, HttpError};
use crate::keeper::{Given, Keeper};
use crate::report::{Board, Event};
use crate::supervisor::{Observer, SupervisorOptions};
use crate::watch::{Look, Watch};
use gatelet::{Engine, Fetch, FetchProgress};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longest time that files which keep changing are left alone.
const MAX_SETTLE: Duration = Duration::from_secs(1);

/// What wakes the thread.
pub(crate) enum Signal {
    /// A file may have changed.
    Changed,
    /// A fetch came to its end.
    Fetched(Fetch, Result<Answer, HttpError>),
    /// A fetch is wanted.
    Wanted,
    /// Everything is to be read again.
    Reload,
    Stop,
}

/// The thread, and what it remembers.
pub(crate) struct Worker {
    engine: Arc<Engine>,
    keeper: Keeper,
    http: Http,
    signals: Sender<Signal>,
    received: Receiver<Signal>,
    fetching: Vec<JoinHandle<()>>,
    /// Whether a change was told that nobody has heard of yet.
    is_told: Arc<AtomicBool>,
    times: Times,
    observer: Option<Observer>,
    board: Arc<Board>,
}

/// When to look at files.
struct Times {
    poll_interval: Duration,
    settle: Duration,
    poll: Instant,
    /// When the first change was told that is not looked into, and when it will be.
    changing: Option<(Instant, Instant)>,
}

impl Times {
    fn change(&mut self, now: Instant) {
        let first = self.changing.map_or(now, |(first, _)| first);
        let quiet = (now + self.settle).min(first + MAX_SETTLE);
        self.changing = Some((first, quiet));
    }

    fn next(&self) -> Instant {
        let quiet = self.changing.map(|(_, quiet)| quiet);
        quiet.map_or(self.poll, |quiet| quiet.min(self.poll))
    }

    /// How to look now, if at all.
    fn look(&mut self, now: Instant) -> Option<Look> {
        if self.changing.is_some_and(|(_, quiet)| quiet <= now) {
            self.changing = None;
            self.poll = now + self.poll_interval;
            return Some(Look::Told);
        }
        if self.poll <= now {
            self.poll = now + self.poll_interval;
            return Some(Look::Timed);
        }
        None
    }
}

impl Worker {
    pub(crate) fn new(
        engine: Arc<Engine>,
        options: SupervisorOptions,
        http: Http,
        (signals, received): (Sender<Signal>, Receiver<Signal>),
        board: Arc<Board>,
    ) -> Self {
        let is_told = Arc::new(AtomicBool::new(false));
        let (told, tell) = (Arc::clone(&is_told), signals.clone());
        let watch = Watch::new(move || {
            // One signal until it is heard, however many changes there are.
            if !told.swap(true, Ordering::AcqRel) {
                let _ = tell.send(Signal::Changed);
            }
        });
        Self {
            keeper: Keeper {
                engine: Arc::clone(&engine),
                policy: options.policy,
                base: options.base,
                allow: options.allow,
                watch,
                board: Arc::clone(&board),
                events: Vec::new(),
                given: Given::default(),
            },
            engine,
            http,
            signals,
            received,
            fetching: Vec::new(),
            is_told,
            times: Times {
                poll_interval: options.poll_interval,
                settle: options.settle,
                poll: Instant::now() + options.poll_interval,
                changing: None,
            },
            observer: options.observer,
            board,
        }
    }

    pub(crate) fn run(mut self) {
        self.keeper.reload();
        loop {
            self.begin_fetches();
            self.tell();
            match self.received.recv_timeout(self.patience()) {
                Ok(Signal::Changed) => {
                    self.is_told.store(false, Ordering::Release);
                    self.times.change(Instant::now());
                }
                Ok(Signal::Fetched(fetch, answer)) => self.take(fetch, answer),
                Ok(Signal::Reload) => self.keeper.reload(),
                Ok(Signal::Wanted) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Some(look) = self.times.look(Instant::now()) {
                self.keeper.look(look);
            }
        }
        for fetch in self.fetching.drain(..) {
            let _ = fetch.join();
        }
    }

    /// How long there is nothing to do.
    fn patience(&self) -> Duration {
        let look = self.times.next().saturating_duration_since(Instant::now());
        self.engine
            .next_fetch_in_ms()
            .map_or(look, |ms| look.min(Duration::from_millis(ms.max(1))))
    }

    /// Each on a thread of its own: one that stalls keeps no other waiting.
    fn begin_fetches(&mut self) {
        self.fetching.retain(|fetch| !fetch.is_finished());
        for fetch in self.engine.fetches() {
            let (http, signals) = (self.http.clone(), self.signals.clone());
            let thread = thread::Builder::new().name("gatelet-fetch".to_owned());
            let begun = thread.spawn(move || {
                let answer = http.fetch(&fetch);
                let _ = signals.send(Signal::Fetched(fetch, answer));
            });
            // Without a thread the fetch is lost, and counts as failed when its time is over.
            self.fetching.extend(begun);
        }
    }

    fn take(&mut self, fetch: Fetch, answer: Result<Answer, HttpError>) {
        let url = fetch.url().split('?').next().unwrap_or_default().to_owned();
        let progress = match answer {
            Ok(answer) => self.engine.fetched(fetch, Ok(answer.fetched())),
            Err(error) => self.engine.fetched(fetch, Err(&error.to_string())),
        };
        let events = &mut self.keeper.events;
        match progress {
            Ok(FetchProgress::Installed) => events.push(Event::Fetched { url }),
            Ok(_) => {}
            Err(problem) => events.push(Event::FetchFailed { url, problem }),
        }
    }

    /// Tells the observer what happened; the status says so already.
    fn tell(&mut self) {
        if !self.keeper.events.is_empty() {
            self.board.ring();
        }
        for event in self.keeper.events.drain(..) {
            if let Some(observer) = &self.observer {
                observer(&event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, MAX_SETTLE, Times};
    use std::time::{Duration, Instant};

    #[test]
    fn files_are_left_alone_until_they_are_quiet() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut times = Times {
            poll_interval: ms(100_000),
            settle: ms(50),
            poll: start + ms(100_000),
            changing: None,
        };
        assert_eq!(times.next(), start + ms(100_000));
        times.change(start);
        times.change(start + ms(40));
        assert_eq!(times.next(), start + ms(90));
        assert_eq!(times.look(start + ms(89)), None);
        assert_eq!(times.look(start + ms(90)), Some(Look::Told));
        assert_eq!(times.look(start + ms(91)), None);
        assert_eq!(times.next(), start + ms(100_090));
        assert_eq!(times.look(start + ms(100_090)), Some(Look::Timed));
        for change in 0..100 {
            times.change(start + ms(110_000 + change * 40));
        }
        assert_eq!(
            times.next(),
            start + ms(110_000) + MAX_SETTLE,
            "not forever"
        );
    }
}
