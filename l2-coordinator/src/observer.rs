//! Who is shown events: consoles, mirrors, machines that read along.

use protocol::event::Event;

/// Is told every event, in order, once it is on stable storage. Decides nothing, and cannot fail a
/// run: what goes wrong with showing is the observer's own to note.
pub trait Observer: Send {
    /// One more event is certain.
    fn on_event(&mut self, event: &Event);
}
