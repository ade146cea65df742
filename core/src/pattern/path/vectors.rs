//! Istio's own normalisation table: every row must agree.

use super::*;
use std::path::PathBuf;

#[test]
fn istio_rows_agree() {
    let root = std::env::var_os("GATELET_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors")),
        PathBuf::from,
    );
    let file = root.join("istio/normalization.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!(
            "skipped istio/normalization.json: 345 rows, no vectors in {}",
            root.display()
        );
        return;
    };
    let data: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = data["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 345);
    let mut buffer = PathBuffer::new().keeping_case();
    let mut segments = Segments::new();
    for row in rows {
        let mode = match row["mode"].as_str().unwrap() {
            "NONE" => Normalize::None,
            "BASE" => Normalize::Base,
            "MERGE_SLASHES" => Normalize::MergeSlashes,
            "DECODE_AND_MERGE_SLASHES" => Normalize::DecodeSlashes,
            other => panic!("unknown mode {other}"),
        };
        let target = row["in"].as_str().unwrap().as_bytes();
        let answer = normalize(
            target,
            mode,
            TrailingSlash::Same,
            &mut buffer,
            &mut segments,
        );
        let expected = row["out"].as_str().unwrap();
        if expected.starts_with('/') {
            assert_eq!(
                answer.map(|normal| normal.path),
                Ok(expected.as_bytes()),
                "{row}"
            );
        } else {
            assert!(answer.is_err(), "{row}");
        }
    }
}
