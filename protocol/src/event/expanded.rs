//! How an expansion is told: the one place that cuts items into events, for the machine that expands a
//! task and for a retry that carries an expansion over.

use serde_json::{Map, Value};

use super::kind::EventKind;
use crate::ids::TaskId;

/// Bytes of the items of one event, as JSON: what stays cheap to read and to write again.
pub const MAX_CHUNK_BYTES: usize = 64 * 1024;

impl EventKind {
    /// The events of a fan-out with these items: at least one, each with items of at most
    /// [`MAX_CHUNK_BYTES`] unless a single item is longer, the last one complete.
    #[must_use]
    pub fn expanded_into_items(task: &TaskId, items: Vec<Value>) -> Vec<Self> {
        let chunks = chunks(items);
        let last = chunks.len() - 1;
        let mut first = 0;
        let mut events = Vec::with_capacity(chunks.len());
        for (at, items) in chunks.into_iter().enumerate() {
            let next = first + u32::try_from(items.len()).unwrap_or(u32::MAX);
            events.push(Self::TaskExpanded {
                task: task.clone(),
                first,
                items: Some(items),
                inputs: None,
                complete: at == last,
            });
            first = next;
        }
        events
    }

    /// The event of a nested scenario with these inputs.
    #[must_use]
    pub const fn expanded_into_scenario(task: TaskId, inputs: Map<String, Value>) -> Self {
        Self::TaskExpanded {
            task,
            first: 0,
            items: None,
            inputs: Some(inputs),
            complete: true,
        }
    }
}

/// Bytes of one item in an event, its comma included.
#[must_use]
pub fn item_bytes(item: &Value) -> usize {
    serde_json::to_vec(item).map_or(usize::MAX, |text| text.len().saturating_add(1))
}

fn chunks(items: Vec<Value>) -> Vec<Vec<Value>> {
    let (mut chunks, mut chunk, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
    for item in items {
        let size = item_bytes(&item);
        if bytes.saturating_add(size) > MAX_CHUNK_BYTES && !chunk.is_empty() {
            chunks.push(std::mem::take(&mut chunk));
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
        chunk.push(item);
    }
    chunks.push(chunk);
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_in_chunks_that_lose_none() {
        let items: Vec<Value> = (0..40_000)
            .map(|n| Value::from(format!("item {n}")))
            .collect();
        let chunks = chunks(items.clone());
        assert!(chunks.len() > 5);
        let size = |chunk: &Vec<Value>| serde_json::to_string(chunk).unwrap().len();
        assert!(
            chunks
                .iter()
                .all(|chunk| size(chunk) <= MAX_CHUNK_BYTES + 2)
        );
        assert_eq!(chunks.concat(), items);
        let big = vec![Value::from("x".repeat(100_000)), 1.into()];
        assert_eq!(super::chunks(big).len(), 2);
    }

    #[test]
    fn the_last_event_alone_is_complete_and_indices_follow() {
        let task: TaskId = "a".parse().unwrap();
        let told = |items| {
            EventKind::expanded_into_items(&task, items)
                .into_iter()
                .map(|event| match event {
                    EventKind::TaskExpanded {
                        first,
                        items,
                        complete,
                        ..
                    } => (first, items.map_or(0, |items| items.len()), complete),
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(told(Vec::new()), [(0, 0, true)]);
        let big = Value::from("x".repeat(40_000));
        assert_eq!(
            told(vec![big.clone(), big.clone(), big]),
            [(0, 1, false), (1, 1, false), (2, 1, true)]
        );
    }
}
