//! Whatever requests, answers, rejections, reconnects and changes come in whatever order: in the end the client holds
//! the last set, and on the way it was sent nothing that it held. The client and the judgement are the fuzz target's;
//! here its input is drawn at random, and one that finds something is made small.

use heddle_fuzz::delta::{self, Half};
use heddle_xds_api::subscription::Protocol;
use proptest::prelude::*;

fn actions() -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::vec(any::<(u8, u8)>(), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn delta(kind in any::<u8>(), actions in actions()) {
        delta::act(Half::Rules(kind), Protocol::Delta, actions);
    }

    #[test]
    fn state_of_the_world(kind in any::<u8>(), actions in actions()) {
        delta::act(Half::Rules(kind), Protocol::State, actions);
    }

    #[test]
    fn clients_without_rules(state in any::<bool>(), actions in actions()) {
        delta::act(Half::Rude, if state { Protocol::State } else { Protocol::Delta }, actions);
    }
}
