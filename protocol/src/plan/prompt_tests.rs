//! Questions in plans: any of them round-trips, the form has one writing, and what is no schema is refused
//! whatever it looks like.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    DraftContext, DraftPlan, DraftTask, Effort, Fallback, Limits, ModelChoice, OutputType, Parse,
    Plan, Tier,
};
use crate::expr::Template;

fn tier() -> impl Strategy<Value = Tier> {
    prop_oneof![Just(Tier::Fast), Just(Tier::Smart)]
}

fn effort() -> impl Strategy<Value = Effort> {
    let words = Effort::WORDS.iter().copied();
    let all: Vec<Effort> = words.filter_map(Effort::from_word).collect();
    prop::sample::select(all)
}

fn model() -> impl Strategy<Value = ModelChoice> {
    let tokens = prop::option::of(1_u32..=128_000);
    (tier(), tokens, prop::option::of(effort())).prop_map(|(tier, max_tokens, effort)| {
        ModelChoice {
            tier,
            max_tokens,
            effort,
        }
    })
}

/// With a schema or without; what a reply fills fits how it is read.
fn reading() -> impl Strategy<Value = (Option<Value>, Option<Parse>)> {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    prop_oneof![
        Just((None, None)),
        Just((None, Some(Parse::Text))),
        Just((None, Some(Parse::Json))),
        "[a-z]{1,8}".prop_map(|lang| (None, Some(Parse::CodeBlock(Some(lang))))),
        Just((None, Some(Parse::CodeBlock(None)))),
        Just((Some(schema.clone()), None)),
        Just((Some(schema), Some(Parse::Json))),
    ]
}

fn fallback() -> impl Strategy<Value = Option<Fallback>> {
    prop::option::of("[a-z]{1,20}").prop_map(|text| {
        let prompt = Some(Template::new(text?));
        Some(Fallback { prompt, tier: None })
    })
}

/// A task that leaves something, and one that asks about it.
fn asking() -> impl Strategy<Value = DraftPlan> {
    let text = "[a-z ]{0,20}[a-z]";
    let sees = prop::sample::subsequence(
        vec![
            "tasks.a.artifacts.f",
            "${{ tasks.a.outputs.o }}",
            "inputs.i",
            "${{inputs.p}}",
        ],
        0..=4,
    );
    let room = prop::option::of(1_u32..1_000_000);
    (text, sees, room, model(), reading(), fallback()).prop_map(
        |(text, sees, room, model, (output_schema, parse), fallback)| {
            let context: Vec<DraftContext> = sees
                .into_iter()
                .map(|reference| DraftContext {
                    file: reference.contains("inputs.p"),
                    reference: reference.to_owned(),
                })
                .collect();
            let a = DraftTask {
                id: "a".to_owned(),
                run: Some("true".to_owned()),
                outputs: [("o".to_owned(), OutputType::Int)].into(),
                artifacts: [("f".to_owned(), "f".to_owned())].into(),
                ..DraftTask::default()
            };
            let b = DraftTask {
                id: "b".to_owned(),
                needs: vec!["a".to_owned()],
                prompt: Some(Template::new(format!("{text} ${{{{ inputs.i }}}}"))),
                context_tokens: room.filter(|_| !context.is_empty()),
                context,
                output_schema,
                parse,
                model: Some(model),
                fallback,
                artifacts: [("reply".to_owned(), "reply".to_owned())].into(),
                ..DraftTask::default()
            };
            DraftPlan {
                name: "p".to_owned(),
                inputs: [("i".to_owned(), json!(1)), ("p".to_owned(), json!("/p"))].into(),
                tasks: vec![a, b],
                ..DraftPlan::default()
            }
        },
    )
}

/// JSON of the words that schemas are made of.
fn anything() -> impl Strategy<Value = Value> {
    let words = [
        "type",
        "object",
        "array",
        "string",
        "properties",
        "items",
        "required",
        "anyOf",
        "allOf",
        "oneOf",
        "$ref",
        "$defs",
        "#",
        "#/$defs/a",
        "#/properties/a",
        "a",
        "enum",
        "const",
        "format",
        "date",
        "minItems",
        "additionalProperties",
        "pattern",
        "title",
    ];
    let word = prop::sample::select(words.to_vec());
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!(0.5)),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 48, 5, move |inner| {
        let entries = prop::collection::btree_map(word.clone(), inner.clone(), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            entries.prop_map(|entries| entries
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect()),
        ]
    })
}

fn with_schema(schema: Value) -> DraftPlan {
    let task = DraftTask {
        id: "a".to_owned(),
        prompt: Some(Template::new("Why?")),
        output_schema: Some(schema),
        ..DraftTask::default()
    };
    DraftPlan {
        name: "p".to_owned(),
        tasks: vec![task],
        ..DraftPlan::default()
    }
}

proptest! {
    #[test]
    fn any_question_round_trips(draft in asking()) {
        let asked = draft.tasks[1].clone();
        let plan = draft.check(&Limits::default()).expect("a question that makes sense");
        let again = Plan::from_json(&plan.to_json()).expect("its own JSON");
        prop_assert_eq!(again.digest(), plan.digest());
        prop_assert_eq!(again.to_json(), plan.to_json());
        let index = plan.index_of("b").expect("a task");
        let prompt = plan.task(index).prompt().expect("a question");
        prop_assert_eq!(prompt.context.len(), asked.context.len());
        prop_assert_eq!(Some(prompt.model), asked.model);
        prop_assert_eq!(&prompt.schema, &asked.output_schema);
        prop_assert_eq!(plan.task(index).inputs_given().count(), usize::from(
            asked.context.iter().any(|seen| seen.file),
        ));
        prop_assert_eq!(again, plan);
    }

    #[test]
    fn what_follows_from_the_rest_is_not_written(draft in asking()) {
        let mut said = draft.clone();
        let task = &mut said.tasks[1];
        let has_schema = task.output_schema.is_some();
        task.parse.get_or_insert(super::Prompt::default_parse(has_schema));
        let digest = |draft: DraftPlan| *draft.check(&Limits::default()).expect("a plan").digest().as_bytes();
        prop_assert_eq!(digest(said), digest(draft));
    }

    #[test]
    fn any_schema_is_taken_or_refused(schema in anything()) {
        let is_text = schema.is_string();
        match with_schema(schema.clone()).check(&Limits::default()) {
            Err(problems) => prop_assert!(!problems.is_empty()),
            Ok(plan) => {
                prop_assert!(!is_text, "a path is no schema");
                prop_assert_eq!(&schema["type"], "object");
                // What is taken is a schema to those who know.
                prop_assert!(jsonschema::validator_for(&schema).is_ok(), "{schema}");
                let again = Plan::from_json(&plan.to_json()).expect("its own JSON");
                prop_assert_eq!(again.digest(), plan.digest());
            }
        }
    }
}
