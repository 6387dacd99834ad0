//! Pictures of plans of every shape.

use insta::assert_snapshot;
use protocol::plan::{DraftPlan, DraftTask, Limits, Plan};

use super::{Place, dot, mermaid, picture, standalone, svg};

fn plan(tasks: &[(String, Vec<String>)]) -> Plan {
    let task = |(id, needs): &(String, Vec<String>)| DraftTask {
        id: id.clone(),
        run: Some("true".into()),
        needs: needs.clone(),
        ..DraftTask::default()
    };
    let draft = DraftPlan {
        name: "p".into(),
        tasks: tasks.iter().map(task).collect(),
        ..DraftPlan::default()
    };
    draft.check(&Limits::default()).unwrap()
}

/// `a b<a c<a,b`: ids, each with what it needs.
fn of(text: &str) -> Plan {
    let tasks: Vec<_> = text
        .split_whitespace()
        .map(|word| {
            let (id, needs) = word.split_once('<').unwrap_or((word, ""));
            let needs = needs.split(',').filter(|need| !need.is_empty());
            (id.to_owned(), needs.map(str::to_owned).collect())
        })
        .collect();
    plan(&tasks)
}

#[test]
fn one_task() {
    let one = picture(&of("only"), None);
    assert_snapshot!(mermaid(&one), @r#"
    flowchart LR
      t0["only"]:::plain
      classDef plain fill:#ffffff,stroke:#666666,color:#111
    "#);
    assert!(standalone(&one).contains(">only</text>"));
}

#[test]
fn a_diamond_and_a_part_of_its_own() {
    let picture = picture(&of("a b<a c<a d<b,c e f<e"), None);
    assert_snapshot!(dot(&picture, "p"), @r##"
    digraph "p" {
      rankdir=LR;
      node [style=filled, fontname="monospace", fontcolor="#111111"];
      t0 [label="a", shape=box, fillcolor="#ffffff", color="#666666"];
      t1 [label="e", shape=box, fillcolor="#ffffff", color="#666666"];
      t2 [label="b", shape=box, fillcolor="#ffffff", color="#666666"];
      t3 [label="c", shape=box, fillcolor="#ffffff", color="#666666"];
      t4 [label="f", shape=box, fillcolor="#ffffff", color="#666666"];
      t5 [label="d", shape=box, fillcolor="#ffffff", color="#666666"];
      t0 -> t2;
      t0 -> t3;
      t1 -> t4;
      t2 -> t5;
      t3 -> t5;
    }
    "##);
    assert_eq!((picture.nodes.len(), picture.edges.len()), (6, 5));
    let drawn = svg(&picture, Place::File);
    assert_eq!(drawn.matches("class=\"node").count(), 6);
    assert_eq!(drawn.matches("class=\"edge").count(), 5);
    assert_eq!(drawn, svg(&picture, Place::File));
}

#[test]
fn ten_thousand_tasks_are_one_group_a_chain_or_levels() {
    let flat: Vec<_> = (0..10_000).map(|n| (format!("t{n}"), Vec::new())).collect();
    let flat = picture(&plan(&flat), None);
    assert_eq!(flat.nodes.len(), 1);
    assert_eq!(flat.nodes[0].note, "10000 tasks");
    let chain: Vec<_> = (0..10_000)
        .map(|n: usize| {
            (
                format!("t{n}"),
                n.checked_sub(1)
                    .map(|n| format!("t{n}"))
                    .into_iter()
                    .collect(),
            )
        })
        .collect();
    let chain = picture(&plan(&chain), None);
    assert_eq!(chain.nodes.len(), 1);
    assert_eq!(chain.nodes[0].title, "t0 … t9999");
    let layered: Vec<_> = (0..10_000_usize)
        .map(|n| {
            let layer = n / 100;
            let needs = [n % 100, (n * 7 + 1) % 100];
            let needs = needs.map(|at| {
                layer
                    .checked_sub(1)
                    .map(|layer| format!("t{}", layer * 100 + at))
            });
            (
                format!("t{n}"),
                needs
                    .into_iter()
                    .flatten()
                    .collect::<std::collections::BTreeSet<_>>()
                    .into_iter()
                    .collect(),
            )
        })
        .collect();
    let layered = picture(&plan(&layered), None);
    assert_eq!((layered.nodes.len(), layered.edges.len()), (100, 99));
    assert_eq!(
        layered.note.as_deref(),
        Some("10000 tasks with 19800 edges are drawn as 100 groups.")
    );
}

#[test]
fn what_cannot_be_made_readable_is_not_drawn() {
    // A ladder: every rung needs both ends of the one before, so there are neither twins nor chains.
    let ladder: Vec<_> = (0..1_000_usize)
        .map(|n| {
            let needs = [n.checked_sub(1), n.checked_sub(2)];
            (
                format!("t{n}"),
                needs
                    .into_iter()
                    .flatten()
                    .map(|n| format!("t{n}"))
                    .collect(),
            )
        })
        .collect();
    let ladder = picture(&plan(&ladder), None);
    assert!(ladder.nodes.is_empty());
    assert!(
        ladder
            .note
            .unwrap()
            .starts_with("Not drawn: 1000 tasks and 1997 edges")
    );
}

#[test]
fn dense_pictures_stay_within_their_bounds() {
    let dense: Vec<_> = (0..60_usize)
        .map(|n| (format!("t{n}"), (0..n).map(|n| format!("t{n}")).collect()))
        .collect();
    let dense = picture(&plan(&dense), None);
    assert!(dense.nodes.is_empty() && dense.edges.len() <= 400);
    let wide: Vec<_> = (0..50_usize)
        .map(|n| (format!("a{n}"), Vec::new()))
        .chain((0..6).map(|n| (format!("b{n}"), (0..50).map(|n| format!("a{n}")).collect())))
        .collect();
    let wide = picture(&plan(&wide), None);
    assert_eq!(wide.edges.len(), 300);
    assert!(svg(&wide, Place::File).len() < 200_000);
}

#[test]
fn a_big_fan_out_is_one_group_and_a_small_one_is_its_children() {
    use crate::report::tests::{Story, id};
    use protocol::event::EventKind;

    let task = |name: &str, items: Option<serde_json::Value>, needs: &[&str]| DraftTask {
        id: name.into(),
        run: Some("true".into()),
        for_each: items,
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        ..DraftTask::default()
    };
    let drawn = |count: usize| {
        let items: Vec<serde_json::Value> =
            (0..count).map(|n| format!("item {n}").into()).collect();
        let draft = DraftPlan {
            name: "p".into(),
            tasks: vec![
                task("list", None, &[]),
                task("sum", Some(items.clone().into()), &["list"]),
                task("end", None, &["sum"]),
            ],
            ..DraftPlan::default()
        };
        let plan = draft.check(&Limits::default()).unwrap();
        let story = Story::begun(3)
            .passes("list")
            .then(EventKind::TaskExpanded {
                task: id("sum"),
                first: 0,
                items: Some(items),
                inputs: None,
                complete: true,
            });
        let story = story.passes("sum[0]").fails("sum[1]", false);
        let ahead = mermaid(&picture(&plan, None));
        let run = mermaid(&picture(&plan, Some(&story.summary())));
        format!("{ahead}{run}")
    };
    assert_snapshot!(drawn(3), @r#"
    flowchart LR
      t0["list"]:::plain
      t1["sum<br/>× 3"]:::plain
      t2["end"]:::plain
      t0 --> t1
      t1 --> t2
      classDef plain fill:#ffffff,stroke:#666666,color:#111
    flowchart LR
      t0(["list<br/>PASS"]):::done
      t1(["sum[0] item 0<br/>PASS"]):::done
      t2{{"sum[1] item 1<br/>FAIL"}}:::failed
      t3["sum[2]<br/>WAIT"]:::pending
      t4["end<br/>WAIT"]:::pending
      t0 --> t1
      t0 --> t2
      t0 --> t3
      t1 --> t4
      t2 --> t4
      t3 --> t4
      classDef failed fill:#ffd9d6,stroke:#b71c1c,color:#111
      classDef pending fill:#ffffff,stroke:#666666,color:#111
      classDef done fill:#d6f5d6,stroke:#2e7d32,color:#111
    "#);
    assert_snapshot!(drawn(100), @r#"
    flowchart LR
      t0["list"]:::plain
      t1["sum<br/>× 100"]:::plain
      t2["end"]:::plain
      t0 --> t1
      t1 --> t2
      classDef plain fill:#ffffff,stroke:#666666,color:#111
    flowchart LR
      t0(["list<br/>PASS"]):::done
      t1[["sum<br/>RUN 1/100"]]:::running
      t2["end<br/>WAIT"]:::pending
      t0 --> t1
      t1 --> t2
      classDef running fill:#d9e8ff,stroke:#1d5fbf,color:#111
      classDef pending fill:#ffffff,stroke:#666666,color:#111
      classDef done fill:#d6f5d6,stroke:#2e7d32,color:#111
    "#);
}
