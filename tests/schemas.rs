//! What is written and said fits what `orchestra schema` publishes, and the schemas refuse what is not.

mod files;
mod messages;
mod published;
