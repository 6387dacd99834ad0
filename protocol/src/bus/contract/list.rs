//! The list of all contract cases, and the macro that makes tests of them.

/// Makes one test of every contract case. `$fixture` is evaluated in each test and must give a fresh
/// [`Fixture`](crate::bus::contract::Fixture); the attributes go onto each test.
#[macro_export]
macro_rules! bus_contract {
    ($fixture:expr; $(#[$attribute:meta])+) => {
        $crate::bus_contract! { @list $fixture; [$(#[$attribute])+];
            setup::ensuring_again_changes_nothing,
            setup::other_settings_are_a_conflict,
            setup::filters_of_one_stream_must_not_overlap,
            setup::subjects_of_two_streams_must_not_overlap,
            setup::what_does_not_exist_is_named,
            setup::a_late_consumer_gets_what_was_stored_before,
            queue::a_delivery_carries_what_was_published,
            queue::messages_come_in_the_order_published,
            queue::an_empty_pull_ends_at_its_time,
            queue::a_pull_takes_at_most_its_batch,
            queue::a_pull_gets_only_what_its_filter_takes,
            queue::a_waiting_pull_wakes_when_a_message_comes,
            queue::waiting_pulls_share_what_comes,
            queue::a_cancelled_pull_loses_nothing,
            queue::a_deleted_message_is_not_delivered,
            acks::an_ack_deletes,
            acks::a_double_ack_deletes,
            acks::a_nak_brings_it_back_at_once,
            acks::a_nak_with_delay_brings_it_back_then,
            acks::without_an_answer_it_comes_back,
            acks::a_redelivery_wakes_a_waiting_pull,
            acks::progress_holds_it,
            acks::max_ack_pending_holds_over_all_pullers,
            acks::the_last_delivery_leaves_it_stored,
            acks::a_late_ack_deletes_what_another_holds,
            acks::a_late_nak_starts_another_delivery,
            bounds::a_stream_is_full_by_messages,
            bounds::a_stream_is_full_by_bytes,
            bounds::a_subject_is_taken_until_acknowledged,
            bounds::a_subject_nobody_stores_is_refused,
            bounds::what_is_too_large_is_refused,
            bounds::the_last_sequence_can_be_expected,
            bounds::one_of_many_racing_writers_wins,
            dedup::a_known_id_is_stored_once,
            dedup::a_known_id_stays_known_after_its_message_is_gone,
            dedup::the_window_ends,
            dedup::a_restart_forgets_ids_of_deleted_messages,
            dedup::a_restart_keeps_what_is_stored,
            core::a_request_gets_its_answer,
            core::every_asker_gets_its_own_answer,
            core::without_responders_a_request_ends_at_once,
            core::a_request_without_answer_ends_in_time,
            core::an_answer_too_late_harms_nobody,
            core::a_broadcast_reaches_who_listens_now,
            core::patterns_choose_what_is_heard,
            core::a_slow_subscriber_misses_out_alone,
            core::a_full_responder_fails_the_request,
            core::a_dropped_subscription_is_gone,
            load::many_publishers_lose_nothing,
            load::one_publishers_order_holds,
        }
    };
    (@list $fixture:expr; $attributes:tt; $($module:ident::$case:ident,)+) => {
        $($crate::bus_contract! { @case $fixture; $attributes; $module $case })+
    };
    (@case $fixture:expr; [$($attributes:tt)+]; $module:ident $case:ident) => {
        $($attributes)+
        async fn $case() {
            let fixture = $fixture;
            $crate::bus::contract::$module::$case(&fixture).await;
        }
    };
}
