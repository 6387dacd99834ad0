//! `orchestra config`: values, origins, files, defaults.

use insta::assert_snapshot;

use crate::support::Place;

fn place() -> Place {
    let place = Place::new();
    place.write(
        "../config/orchestra/config.yaml",
        "# mine\nmax_parallel: 3\nprogress: lines\n",
    );
    place.write("orchestra.yaml", "max_parallel: 9\ncolor: never\n");
    place
}

fn text(place: &Place, args: &[&str]) -> String {
    let outcome = place
        .orchestra(["config"].iter().chain(args))
        .sandboxed()
        .env("ORCHESTRA_LOG_LEVEL", "debug")
        .env("ORCHESTRA_FAIL_FAST", "1")
        .run()
        .expect(0);
    assert_eq!(outcome.stderr, "");
    outcome.stdout.replace(place.dir("").to_str().unwrap(), "")
}

#[test]
fn every_value_with_its_origin() {
    assert_snapshot!(text(&place(), &[]), @r#"
    runs_dir            runs                       default
    max_parallel        3                          config/orchestra/config.yaml:2:15
    fail_fast           true                       environment ORCHESTRA_FAIL_FAST
    sandbox             auto                       default
    policy              default                    default
    model               anthropic/claude-opus-5-5  default
    model_fast          auto                       default
    model_url           auto                       default
    model_key           auto                       default
    model_effort        auto                       default
    model_max_tokens    auto                       default
    model_timeout       15m                        default
    model_idle_timeout  2m                         default
    model_prices        auto                       default
    progress            lines                      config/orchestra/config.yaml:3:11
    color               never                      work/orchestra.yaml:2:8
    log_level           debug                      environment ORCHESTRA_LOG_LEVEL
    "#);
    assert_snapshot!(text(&Place::new(), &["show"]), @r#"
    runs_dir            runs                       default
    max_parallel        auto                       default
    fail_fast           true                       environment ORCHESTRA_FAIL_FAST
    sandbox             auto                       default
    policy              default                    default
    model               anthropic/claude-opus-5-5  default
    model_fast          auto                       default
    model_url           auto                       default
    model_key           auto                       default
    model_effort        auto                       default
    model_max_tokens    auto                       default
    model_timeout       15m                        default
    model_idle_timeout  2m                         default
    model_prices        auto                       default
    progress            auto                       default
    color               auto                       default
    log_level           debug                      environment ORCHESTRA_LOG_LEVEL
    "#);
}

#[test]
fn what_lost_is_shown_on_demand() {
    let shown = text(
        &place(),
        &[
            "show",
            "--origin",
            "--log-level",
            "trace",
            "--max-parallel",
            "2",
        ],
    );
    assert_snapshot!(shown, @r#"
    runs_dir            runs                       default
    max_parallel        2                          flag --max-parallel
                        3                          config/orchestra/config.yaml:2:15, overruled
                        9                          work/orchestra.yaml:1:15, overruled
                        auto                       default, overruled
    fail_fast           true                       environment ORCHESTRA_FAIL_FAST
                        false                      default, overruled
    sandbox             auto                       default
    policy              default                    default
    model               anthropic/claude-opus-5-5  default
    model_fast          auto                       default
    model_url           auto                       default
    model_key           auto                       default
    model_effort        auto                       default
    model_max_tokens    auto                       default
    model_timeout       15m                        default
    model_idle_timeout  2m                         default
    model_prices        auto                       default
    progress            lines                      config/orchestra/config.yaml:3:11
                        auto                       default, overruled
    color               never                      work/orchestra.yaml:2:8
                        auto                       default, overruled
    log_level           trace                      flag --log-level
                        debug                      environment ORCHESTRA_LOG_LEVEL, overruled
                        info                       default, overruled
    "#);
}

#[test]
fn as_json() {
    let place = place();
    let object = place
        .orchestra(["config", "--origin", "-o", "json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(object["schema"], "orchestra.config/v1");
    let setting = |name: &str| {
        let all = object["settings"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["name"] == name).unwrap()
    };
    let parallel = setting("max_parallel");
    assert_eq!(
        (&parallel["value"], &parallel["line"]),
        (&3.into(), &2.into())
    );
    assert_eq!(parallel["overruled"][0]["value"], 9);
    assert_eq!(parallel["overruled"][1]["value"], "auto");
    assert_eq!(setting("fail_fast")["value"], false);
    assert_eq!(setting("fail_fast")["origin"], "default");
}

/// What `config` says is what a run does.
#[test]
fn a_run_takes_what_is_shown() {
    let place = place();
    place.write("hello.yaml", crate::cli::run::HELLO);
    let shown = place.orchestra(["config", "--json"]).run().expect(0).json();
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let record: serde_json::Value = serde_json::from_str(&place.run_file("run.json")).unwrap();
    let mut seen = 0;
    for setting in shown["settings"].as_array().unwrap() {
        let recorded = &record["settings"][setting["name"].as_str().unwrap()];
        if recorded.is_object() {
            assert_eq!(recorded["value"], setting["value"], "{setting}");
            assert_eq!(recorded["origin"], setting["origin"], "{setting}");
            seen += 1;
        }
    }
    assert!(seen >= 4, "{record}");
}

#[test]
fn files() {
    assert_snapshot!(text(&place(), &["path"]), @r#"
    your settings           there      config/orchestra/config.yaml
    the project's settings  there      work/orchestra.yaml
    trusted projects        not there  state/orchestra/trust.json
    your signing key        not there  state/orchestra/keys/user.key
    "#);
    let before = place();
    let listing = before.listing();
    before.orchestra(["config", "path"]).run().expect(0);
    before.orchestra(["config", "show"]).run().expect(0);
    assert_eq!(before.listing(), listing, "nothing is made");
}

#[test]
fn defaults_are_a_settings_file() {
    let place = Place::new();
    let defaults = text(&place, &["default"]);
    assert_snapshot!(defaults, @r#"
    # Settings of orchestra. Yours go to ~/.config/orchestra/config.yaml, a project's to its
    # orchestra.yaml. These are the defaults; keep only what you change.

    # Where runs are kept: from the working directory, in a project's file from its folder.
    # It is a path.
    # Also --runs-dir and ORCHESTRA_RUNS_DIR. A project may set it when it is trusted.
    runs_dir: runs

    # Attempts that run at once; `auto` is the scenario's number, else one a core.
    # It is a number from 1 to 4096, or `auto`.
    # Also --max-parallel and ORCHESTRA_MAX_PARALLEL. A project may lower it.
    max_parallel: auto

    # Cancel what runs as soon as a required task has failed.
    # It is `true` or `false`.
    # Also --fail-fast and ORCHESTRA_FAIL_FAST. A project may turn it on.
    fail_fast: false

    # Confinement of tasks; `auto` is what the policy says.
    # It is one of `auto`, `strict`, `landlock`, `none`.
    # Also --sandbox and ORCHESTRA_SANDBOX. A project may set it when it is trusted.
    sandbox: auto

    # What tasks may do: a pack's name or its file; a map narrows it, and any project's may.
    # It is a pack's name, its file, or a map as `policy` in a scenario.
    # Also --policy and ORCHESTRA_POLICY. A project may set it when it is trusted.
    policy: default

    # The model that plans goals, and answers prompts of tier `smart`.
    # It is a provider and a model, such as `anthropic/claude-opus-5-5`; providers are `anthropic`, `claude-code`, `openai` and `scripted`, whose model is a file of replies.
    # Also --model and ORCHESTRA_MODEL. A project may set it when it is trusted.
    model: anthropic/claude-opus-5-5

    # The model that answers prompts of tier `fast`; `auto` is claude-haiku-5-5 where `model` is anthropic's, else `model`.
    # It is a provider and a model, as for `model`, or `auto`.
    # Also --model-fast and ORCHESTRA_MODEL_FAST. A project may set it when it is trusted.
    model_fast: auto

    # Where the provider is reached; `auto` is $ANTHROPIC_BASE_URL or $OPENAI_BASE_URL, else its own.
    # It is an address such as `https://host/path`, or `auto`.
    # Also --model-url and ORCHESTRA_MODEL_URL. A project may set it when it is trusted.
    model_url: auto

    # Where the provider's key is; `auto` is $ANTHROPIC_API_KEY or $OPENAI_API_KEY. Never the key.
    # It is `auto`, `none`, `env:NAME` or `file:PATH`.
    # Also --model-key and ORCHESTRA_MODEL_KEY. A project may set it when it is trusted.
    model_key: auto

    # How hard the model thinks; `auto` is its own default.
    # It is one of `auto`, `low`, `medium`, `high`, `xhigh`, `max`.
    # Also --model-effort and ORCHESTRA_MODEL_EFFORT. A project may set it when it is trusted.
    model_effort: auto

    # Most tokens of one reply, thinking included; `auto` is 16000.
    # It is a number from 256 to 128000, or `auto`.
    # Also --model-max-tokens and ORCHESTRA_MODEL_MAX_TOKENS. A project may set it when it is trusted.
    model_max_tokens: auto

    # Longest wait for one reply, all tries included.
    # It is a duration with its unit, such as `10m`.
    # Also --model-timeout and ORCHESTRA_MODEL_TIMEOUT. A project may set it when it is trusted.
    model_timeout: 15m

    # Longest silence of a provider within a call.
    # It is a duration with its unit, such as `2m`.
    # Also --model-idle-timeout and ORCHESTRA_MODEL_IDLE_TIMEOUT. A project may set it when it is trusted.
    model_idle_timeout: 2m

    # Prices of your own, before those that ship; in the form of l2-coordinator/prices/prices.json.
    # It is a file of prices, or `auto`.
    # Also --model-prices and ORCHESTRA_MODEL_PRICES. A project may set it when it is trusted.
    model_prices: auto

    # Progress on stderr.
    # It is one of `auto`, `bar`, `lines`, `none`.
    # Also --progress and ORCHESTRA_PROGRESS. A project may set it.
    progress: auto

    # When to color.
    # It is one of `auto`, `always`, `never`.
    # Also --color and ORCHESTRA_COLOR. A project may set it.
    color: auto

    # Detail of log.jsonl in the run directory.
    # It is one of `off`, `error`, `warn`, `info`, `debug`, `trace`.
    # Also --log-level and ORCHESTRA_LOG_LEVEL. A project may set it.
    log_level: info
    "#);
    place.write("../config/orchestra/config.yaml", &defaults);
    let shown = place.orchestra(["config", "--json"]).sandboxed();
    let shown = shown.run().expect(0).json();
    for setting in shown["settings"].as_array().unwrap() {
        let origin = setting["origin"].as_str().unwrap();
        assert!(origin.ends_with("config.yaml"), "{setting}");
    }
}

#[test]
fn flags_that_change_nothing_are_refused() {
    let outcome = Place::new()
        .orchestra(["config", "path", "--max-parallel", "2"])
        .run()
        .expect(2);
    assert_snapshot!(outcome.stderr, @r#"
    error[conflict]: `config path` and --max-parallel exclude each other
    help: `orchestra config show` takes the flags of a run
    "#);
    let outcome = Place::new().orchestra(["config", "shwo"]).run().expect(2);
    assert_snapshot!(outcome.stderr, @r#"
    error[bad-value]: WHAT cannot be `shwo`
    help: did you mean `show`?
    "#);
}

#[test]
fn a_narrow_terminal_gets_whole_words_for_values() {
    let outcome = place()
        .orchestra(["config"])
        .env("COLUMNS", "40")
        .run()
        .expect(0);
    assert!(
        outcome.stdout.contains("max_parallel        3"),
        "{}",
        outcome.stdout
    );
}
