//! Transcripts: each line is an event and what the machine answers.

mod gate;
mod handshake;
mod properties;
mod simulation;
mod transcripts;

use super::*;

/// Runs every `event => answer` line of a script and compares the whole, so that a failure shows
/// the transcript as it really went.
fn transcript(script: &str, mut step: impl FnMut(&[&str]) -> String) {
    let mut expected = Vec::new();
    let mut actual = Vec::new();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (event, answer) = line.split_once("=>").expect("a line is `event => answer`");
        let event = event.trim();
        let words: Vec<&str> = event.split_whitespace().collect();
        expected.push(format!("{event} => {}", answer.trim()));
        actual.push(format!("{event} => {}", step(&words)));
    }
    assert!(!expected.is_empty());
    assert_eq!(actual.join("\n"), expected.join("\n"));
}

fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}

/// Header digest of a record that the script calls by a letter.
fn header(letter: char) -> Digest {
    Digest::of(letter.to_string().as_bytes())
}

/// Running hash after records called by letters.
fn chain(letters: &str) -> Digest {
    let mut hash = Digest::ZERO;
    for (sequence, letter) in (1..).zip(letters.chars()) {
        hash = running_hash(&hash, sequence, &header(letter));
    }
    hash
}
