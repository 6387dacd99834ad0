//! The planner as a whole: a scripted model behind it, the policy of this build around it.

mod corpus;
mod examples;
mod form;
mod loops;
mod mutations;
mod scripted;
