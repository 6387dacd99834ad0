//! Values of the tree whose type is not said by their key: items of `for_each`, axes, `with`.

use serde_json::{Map, Value};

use crate::plan::{InputType, whole_number};

use super::tree::{Kind, NodeId, Tree};

/// A value as it looks: whole numbers, `true`, `false` and nothing where they stand without quotes,
/// text as written otherwise, so that `010`, `1.5` and `no` are texts.
pub(super) fn natural(tree: &Tree<'_>, id: NodeId) -> Value {
    match tree.kind(id) {
        Kind::Broken => Value::Null,
        Kind::List => {
            let items = tree.children(id).iter();
            Value::Array(items.map(|item| natural(tree, *item)).collect())
        }
        Kind::Map => {
            let entries = tree.entries(id);
            let entries = entries.filter_map(|(key, value)| {
                Some((tree.text(key)?.to_owned(), natural(tree, value)))
            });
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Kind::Plain if tree.is_null(id) => Value::Null,
        kind => {
            let text = tree.text(id).unwrap_or_default();
            let plain = kind == Kind::Plain;
            match text {
                "true" | "false" if plain => Value::Bool(text == "true"),
                _ => match whole_number(text).filter(|_| plain) {
                    Some(number) => Value::from(number),
                    None => Value::from(text),
                },
            }
        }
    }
}

/// The same value for an input of this type: where text is wanted, scalars are text as written.
pub(super) fn typed(value: Value, kind: InputType) -> Value {
    match (kind, value) {
        (InputType::String | InputType::Path, Value::Bool(flag)) => Value::from(flag.to_string()),
        (InputType::String | InputType::Path, Value::Number(n)) => Value::from(n.to_string()),
        (InputType::List, Value::Array(items)) => {
            let items = items.into_iter();
            Value::Array(items.map(|item| typed(item, InputType::String)).collect())
        }
        (_, value) => value,
    }
}
