//! What priority levels keep to.

use keelson_api::field::{Error, Errors, Path};
use keelson_schema::tree::Object;

use crate::meta::meta;
use crate::resources::flowcontrol::flowschemas::rules::check_conditions;
use crate::rules::{At, internal, marked};

const EXEMPT: &str = "exempt";
const CATCH_ALL: &str = "catch-all";
const PRESERVED: &str = "flowcontrol.k8s.io/preserve-zero-concurrency-shares";
const QUEUES_MAX: i64 = 10_000_000;
/// How many bits a request is hashed to.
const HASH_BITS: u32 = 60;

/// What is wrong with a level.
pub(super) fn check(new: &Object, errors: &mut Errors) {
    let name = meta(new).name();
    if meta(new).annotations().any(|(key, _)| key == PRESERVED) {
        let words = format!("annotation '{PRESERVED}' is forbidden");
        errors.push(Error::forbidden(&Path::new("metadata.annotations"), words));
    }
    let spec = At::root(new, "spec");
    let kind = spec.field("type");
    if (name == EXEMPT) != (kind.text() == "Exempt") {
        kind.invalid("must be 'Exempt' if and only if `name` is 'exempt'", errors);
    }
    let (limited, exempt) = (spec.field("limited"), spec.field("exempt"));
    match kind.text() {
        "Exempt" => {
            if limited.is_present() {
                marked::covered(errors, |errors| {
                    limited.forbidden("must be nil if the type is not Limited", errors);
                });
            }
            if exempt.is_present() {
                check_shares(&exempt, errors);
                check_percent(&exempt, errors);
            }
        }
        "Limited" => {
            if exempt.is_present() {
                let words = "must be nil if the type is Limited";
                marked::covered(errors, |errors| exempt.forbidden(words, errors));
            }
            if limited.is_present() {
                check_limited(&limited, errors);
            } else {
                let words = "must not be empty when type is Limited";
                marked::covered(errors, |errors| limited.missing(words, errors));
            }
        }
        "" => marked::covered(errors, |errors| kind.missing("", errors)),
        _ => kind.not_supported(&["Exempt", "Limited"], errors),
    }
    check_fixed(name, &spec, errors);
    check_conditions(new, errors);
}

/// The levels that are always there say what they always say.
fn check_fixed(name: &str, spec: &At<'_, '_>, errors: &mut Errors) {
    let view = spec.view;
    let (is_fixed, but) = match name {
        EXEMPT => {
            let is_fixed = view.field("type").text() == "Exempt" && !view.field("limited").is_present();
            (is_fixed, " except the 'spec.exempt' field")
        }
        CATCH_ALL => {
            let limited = view.field("limited");
            let is_fixed = view.field("type").text() == "Limited"
                && !view.field("exempt").is_present()
                && limited.field("nominalConcurrencyShares").int() == Some(5)
                && limited.field("lendablePercent").int() == Some(0)
                && !limited.field("borrowingLimitPercent").is_present()
                && limited.path("limitResponse.type").text() == "Reject"
                && !limited.path("limitResponse.queuing").is_present();
            (is_fixed, "")
        }
        _ => return,
    };
    if !is_fixed {
        let words = format!("spec of '{name}'{but} must equal the fixed value");
        errors.push(Error::invalid(&spec.path, internal::shown(view), words));
    }
}

fn check_shares(level: &At<'_, '_>, errors: &mut Errors) {
    let shares = level.field("nominalConcurrencyShares");
    if shares.int().is_some_and(|shares| shares < 0) {
        shares.invalid("must be a non-negative integer", errors);
    }
}

fn check_percent(level: &At<'_, '_>, errors: &mut Errors) {
    level.field("lendablePercent").in_range(0, 100, errors);
}

fn check_limited(limited: &At<'_, '_>, errors: &mut Errors) {
    check_shares(limited, errors);
    let response = limited.field("limitResponse");
    let (kind, queuing) = (response.field("type"), response.field("queuing"));
    match kind.text() {
        "Reject" => {
            if queuing.is_present() {
                let words = "must be nil if limited.limitResponse.type is not Limited";
                marked::covered(errors, |errors| queuing.forbidden(words, errors));
            }
        }
        "Queue" => {
            if queuing.is_present() {
                check_queuing(&queuing, errors);
            } else {
                let words = "must not be empty if limited.limitResponse.type is Limited";
                marked::covered(errors, |errors| queuing.missing(words, errors));
            }
        }
        "" => marked::covered(errors, |errors| kind.missing("", errors)),
        _ => kind.not_supported(&["Queue", "Reject"], errors),
    }
    check_percent(limited, errors);
    let borrowing = limited.field("borrowingLimitPercent");
    if borrowing.int().is_some_and(|percent| percent < 0) {
        borrowing.invalid("if specified, must be a non-negative integer", errors);
    }
}

fn check_queuing(queuing: &At<'_, '_>, errors: &mut Errors) {
    let [length, queues, hand] =
        ["queueLengthLimit", "queues", "handSize"].map(|name| queuing.view.field(name).int().unwrap_or(0));
    if length <= 0 {
        queuing.field("queueLengthLimit").invalid("must be positive", errors);
    }
    if queues <= 0 {
        queuing.field("queues").invalid("must be positive", errors);
    } else if queues > QUEUES_MAX {
        queuing.field("queues").invalid(format!("must not be greater than {QUEUES_MAX}"), errors);
    }
    let dealt = queuing.field("handSize");
    if hand <= 0 {
        dealt.invalid("must be positive", errors);
    } else if hand > queues {
        dealt.invalid(format!("should not be greater than queues ({queues})"), errors);
    } else if bits(queues, hand) > HASH_BITS {
        let words = format!(
            "required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {HASH_BITS}"
        );
        dealt.invalid(words, errors);
    }
}

/// How many bits it takes to deal a hand of that many cards out of a deck.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "upstream computes with floating-point numbers; the result is a small count"
)]
fn bits(deck: i64, hand: i64) -> u32 {
    ((deck as f64).log2() * hand as f64).ceil() as u32
}
