//! Tests of [`super`]: what a slow or gone reader is told, and what is drawn meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;

const SIZE: Size = Size {
    columns: 80,
    rows: 24,
};

/// A terminal that takes a write only when it is told to.
struct Slow(Receiver<()>, Arc<Mutex<String>>);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // A test that is over lets everything through.
        let _told = self.0.recv();
        self.1
            .lock()
            .unwrap()
            .push_str(str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn slow() -> (Eyes, SyncSender<()>, Arc<Mutex<String>>) {
    let (go, wait) = sync_channel(1_000_000);
    let shown = Arc::new(Mutex::new(String::new()));
    let eyes = Eyes::new(Box::new(Slow(wait, Arc::clone(&shown))));
    eyes.go_live(None, || SIZE).unwrap();
    (eyes, go, shown)
}

#[test]
fn lines_keep_their_order_and_are_written_whole() {
    let (eyes, go, shown) = slow();
    for n in 0..1000 {
        eyes.line(&format!("line {n}"), Weight::Note);
    }
    drop(go);
    eyes.settle(&|| false);
    let wanted: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    assert_eq!(*shown.lock().unwrap(), wanted);
    eyes.line("after it", Weight::Last);
    assert!(shown.lock().unwrap().ends_with("\nafter it\n"));
}

/// Each of these calls would wait for ever on a stream written in place.
#[test]
fn a_terminal_that_takes_no_more_loses_notes_and_says_how_many() {
    let (eyes, go, shown) = slow();
    let long = "x".repeat(64 * 1024);
    for _ in 0..200 {
        eyes.line(&long, Weight::Patient);
    }
    eyes.line("the verdict", Weight::Last);
    drop(go);
    eyes.settle(&|| false);
    let shown = shown.lock().unwrap();
    let kept = shown.lines().filter(|line| line.starts_with('x')).count();
    assert!(
        (60..=130).contains(&kept),
        "4 MiB, and as much on its way: {kept}"
    );
    let rest: Vec<&str> = shown.lines().skip(kept).collect();
    let lost = format!(
        "         … {} more were not shown: nobody read them in time",
        200 - kept
    );
    assert_eq!(rest, [&lost, "the verdict"]);
}

#[test]
fn nobody_is_waited_for_who_is_given_up() {
    let (eyes, _go, shown) = slow();
    eyes.line("nobody reads this", Weight::Last);
    eyes.settle(&|| true);
    assert_eq!(*shown.lock().unwrap(), "");
}

#[test]
fn a_panel_is_drawn_again_and_gone_in_the_end() {
    let (eyes, go, shown) = slow();
    let drawn = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&drawn);
    let panel: Panel = Arc::new(move |_| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        vec![format!("frame {n}")]
    });
    eyes.go_live(Some(panel), || SIZE).unwrap();
    drop(go);
    let begun = Instant::now();
    while drawn.load(Ordering::Relaxed) < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "not drawn again");
        thread::sleep(Duration::from_millis(5));
    }
    assert!(begun.elapsed() >= 2 * FRAME, "more than ten a second");
    eyes.line("the end", Weight::Last);
    eyes.settle(&|| false);
    let shown = shown.lock().unwrap();
    assert!(shown.contains("frame 1"), "{shown}");
    assert!(shown.ends_with("\r\x1b[Jthe end\n"), "{shown:?}");
    assert!(!eyes.is_painted());
}

#[test]
fn a_panel_that_panics_takes_no_line_with_it() {
    let shown = Arc::new(Mutex::new(String::new()));
    let (go, wait) = sync_channel(1);
    drop(go);
    let eyes = Eyes::new(Box::new(Slow(wait, Arc::clone(&shown))));
    let panel: Panel = Arc::new(|_| panic!("a test of panics"));
    eyes.go_live(Some(panel), || SIZE).unwrap();
    eyes.settle(&|| false);
    eyes.line("written in place again", Weight::Last);
    assert!(shown.lock().unwrap().ends_with("written in place again\n"));
}
