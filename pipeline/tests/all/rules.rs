//! What the decision rules say always holds, over random instruments and markets; and the same steps written
//! a second time, naively, with a decimal library: both must agree on every answer.

mod naive;

use bigdecimal::BigDecimal;
use naive::{Naive, big};
use pipeline::answer::answer;
use pipeline::chance::{Chance, Draw};
use pipeline::rules::{BestPrices, Memory, Pair, Rule, Rules, decide};
use pipeline::skip::Skip;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use schemas::config::{EmptyBook, Placement, RuleParams, SamePolicy, SidePolicy, TermType};
use schemas::decision::Answer;
use schemas::order::{PositionSide, Side};
use schemas::tick::Tick;
use schemas::units::{Decimal, Rounding, ratio};
use std::collections::BTreeMap;

const CASES: u32 = 2_000;

/// One thing that happens to an instrument.
#[derive(Clone, Debug)]
struct Event {
    /// Since the event before; the wall clock may go back.
    after_ms: i64,
    tick: Tick,
    top: BestPrices,
    draw: Draw,
}

proptest! {
    #![proptest_config(crate::support::cases(CASES))]

    /// Steps 1 to 19, and the text of the orders, as the second implementation has them.
    /// Fault F13.
    /// Promise P9.
    #[test]
    fn every_decision_is_the_naive_one((params, events) in runs()) {
        let rules = Rules::new(params.clone());
        let (mut memory, mut naive, mut now_ms) = (Memory::default(), Naive::new(params), START_MS);
        for event in &events {
            now_ms += event.after_ms;
            let got = decide(&rules, &mut memory, &event.tick, event.top, now_ms, event.draw);
            let want = naive.decide(&event.tick, event.top, now_ms, event.draw);
            prop_assert_eq!(naive::words(&answer(&rules, &got)), want, "{:?} in {:?}", event, rules.params);
        }
    }

    /// Promise P9.
    #[test]
    fn a_pair_keeps_to_the_limits_and_a_skip_changes_nothing((params, events) in runs()) {
        let rules = Rules::new(params.clone());
        let (mut memory, mut now_ms) = (Memory::default(), START_MS);
        for event in &events {
            now_ms += event.after_ms;
            let before = memory;
            match decide(&rules, &mut memory, &event.tick, event.top, now_ms, event.draw) {
                Ok(pair) => {
                    amounts_hold(&params, &pair)?;
                    prices_hold(&params, &pair, event.top)?;
                    texts_hold(&rules, &pair)?;
                    let last = memory.last.unwrap();
                    prop_assert_eq!((last.price, last.qty, last.fired_ms), (pair.price, pair.qty, now_ms));
                }
                Err(_) => prop_assert_eq!(before, memory),
            }
        }
    }

    /// Promise P21.
    #[test]
    fn the_same_seed_gives_the_same_orders((params, events) in runs(), seed: u64) {
        let rules = Rules::new(params);
        let run = || -> Vec<Result<Pair, Skip>> {
            let chance = Chance::new(seed, "BTCUSDT");
            let (mut memory, mut now_ms, mut pairs) = (Memory::default(), START_MS, 0);
            let decided = events.iter().map(|event| {
                now_ms += event.after_ms;
                let draw = chance.draw(pairs);
                let decided = decide(&rules, &mut memory, &event.tick, event.top, now_ms, draw);
                pairs += u64::from(decided.is_ok());
                decided
            });
            decided.collect()
        };
        prop_assert_eq!(run(), run());
    }

    /// A draw depends on nothing but seed, symbol and how many pairs were decided before.
    #[test]
    fn a_draw_is_a_function(seed: u64, symbol in "[A-Z]{3,12}", pairs_before: u64) {
        let draw = Chance::new(seed, &symbol).draw(pairs_before);
        prop_assert_eq!(draw, Chance::new(seed, &symbol).draw(pairs_before));
        prop_assert_eq!(draw.coefficient.scale(), 5);
        prop_assert!((99_950..=100_049).contains(&draw.coefficient.mantissa()));
    }
}

/// What the random instruments and markets come to: every rule and every skip, many times over.
#[test]
fn the_cases_reach_every_rule_and_every_skip() {
    let (mut runner, strategy, mut seen) = (TestRunner::deterministic(), runs(), BTreeMap::new());
    for _ in 0..CASES {
        let (params, events) = strategy.new_tree(&mut runner).unwrap().current();
        let (rules, mut memory, mut now_ms) = (Rules::new(params), Memory::default(), START_MS);
        for event in &events {
            now_ms += event.after_ms;
            match decide(&rules, &mut memory, &event.tick, event.top, now_ms, event.draw) {
                Ok(pair) => pair.rules.iter().for_each(|rule| *seen.entry(rule.name()).or_insert(0) += 1),
                Err(skip) => *seen.entry(skip.name()).or_insert(0) += 1,
            }
        }
    }
    let before_the_rules = [
        Skip::StaleTick,
        Skip::FutureTick,
        Skip::StaleBook,
        Skip::NotOwner,
        Skip::Halted,
        Skip::PositionBound,
        Skip::ClockUnsure,
    ];
    let skips = Skip::ALL.into_iter().filter(|skip| !before_the_rules.contains(skip)).map(Skip::name);
    for name in Rule::ALL.into_iter().map(Rule::name).chain(skips) {
        assert!(seen.get(name).is_some_and(|times| *times >= 20), "{name}: {seen:?}");
    }
}

#[test]
fn draws_are_spread_evenly() {
    for (seed, symbol) in [(0, "BTCUSDT"), (0, "ETHUSDT"), (7, "BTCUSDT"), (u64::MAX, "X")] {
        let chance = Chance::new(seed, symbol);
        let (mut buys, mut hits) = (0_u32, [0_u32; 100]);
        for pairs_before in 0..20_000 {
            let draw = chance.draw(pairs_before);
            buys += u32::from(draw.maker_side == Side::Buy);
            hits[usize::try_from(draw.coefficient.mantissa() - 99_950).unwrap()] += 1;
        }
        // Five standard deviations around 10,000, and around 200 for each of the hundred coefficients.
        assert!((9_640..=10_360).contains(&buys), "{seed} {symbol}: {buys} buys");
        assert!(hits.iter().all(|hits| (129..=271).contains(hits)), "{seed} {symbol}: {hits:?}");
    }
    let (one, other) = (Chance::new(1, "BTCUSDT"), Chance::new(2, "BTCUSDT"));
    let alike = (0..1_000).filter(|pairs| one.draw(*pairs) == other.draw(*pairs)).count();
    assert!(alike < 30, "{alike} of 1,000 draws of two seeds are alike");
}

/// Never above Max Amt Per Order, never below the least, by exact products.
fn amounts_hold(params: &RuleParams, pair: &Pair) -> Result<(), TestCaseError> {
    let price = big(pair.price.decimal(params.price_decimals));
    let qty = big(pair.qty.decimal(params.qty_decimals));
    let amount = &price * &qty;
    prop_assert!(price > 0 && qty > 0);
    prop_assert!(amount <= big(params.max_amount), "{} above {}", amount, params.max_amount);
    prop_assert!(amount >= big(params.min_amount), "{} below {}", amount, params.min_amount);
    prop_assert!(qty >= big(params.min_qty), "{} below {}", qty, params.min_qty);
    if params.term == TermType::Spot {
        prop_assert_eq!((pair.order_qty, pair.order_qty_decimals), (pair.qty, params.qty_decimals));
    } else {
        let contracts = big(pair.order_qty.decimal(pair.order_qty_decimals));
        let exact = &qty * big(params.leverage);
        prop_assert!(&contracts * big(params.contract_size) <= exact);
        prop_assert!((contracts + BigDecimal::from(1)) * big(params.contract_size) > exact);
        prop_assert!(pair.order_qty.steps() > 0 && pair.order_qty_decimals == 0);
    }
    Ok(())
}

/// Inside the bounds and never a maker that would take, measured against the raw top; opposite sides.
fn prices_hold(params: &RuleParams, pair: &Pair, top: BestPrices) -> Result<(), TestCaseError> {
    let price = pair.price.decimal(params.price_decimals);
    let tick = Decimal::from_steps(1, params.price_decimals);
    // A bid that rounds up to a whole tick counts, an ask below one tick does not (it is rounded down).
    let (bid, ask) = (top.bid.filter(|bid| bid.is_positive()), top.ask.filter(|ask| *ask >= tick));
    let inside = params.placement == Placement::Inside;
    if let Some(bid) = bid {
        prop_assert!(price > bid || (price == bid && !inside), "{price} at a bid of {bid}");
        prop_assert!(pair.maker_side == Side::Buy || price > bid, "a sell at {price} would take {bid}");
    }
    if let Some(ask) = ask {
        prop_assert!(price < ask || (price == ask && !inside), "{price} at an ask of {ask}");
        prop_assert!(pair.maker_side == Side::Sell || price < ask, "a buy at {price} would take {ask}");
    }
    prop_assert!(params.empty_book == EmptyBook::Trade || (bid.is_some() && ask.is_some()));
    Ok(())
}

/// Both legs are written with exactly the decimals asked for, at one price, on opposite sides.
fn texts_hold(rules: &Rules, pair: &Pair) -> Result<(), TestCaseError> {
    let Answer::Pair { maker, taker, .. } = answer(rules, &Ok(*pair)) else {
        return Err(TestCaseError::fail("a pair is answered with a skip"));
    };
    let qty_decimals = if rules.params.term == TermType::Spot { rules.params.qty_decimals } else { 0 };
    for (text, decimals) in [(&maker.price, rules.params.price_decimals), (&maker.qty, qty_decimals)] {
        let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
        prop_assert_eq!(fraction.len(), usize::from(decimals), "{}", text);
        prop_assert_eq!(text.contains('.'), decimals > 0, "{}", text);
    }
    prop_assert_eq!((&maker.price, &maker.qty), (&taker.price, &taker.qty));
    prop_assert_eq!(maker.side, taker.side.opposite());
    Ok(())
}

const START_MS: i64 = 1_700_000_000_000;

/// An instrument and what happens to it: half of them like a market, half at the ends of what numbers may be.
fn runs() -> impl Strategy<Value = (RuleParams, Vec<Event>)> {
    let market = (market_params(), 1_i128..5_000_000).prop_flat_map(|(params, base)| {
        let event = market_event(params.price_decimals, params.qty_decimals, base);
        (Just(params), prop::collection::vec(event, 1..12))
    });
    let extreme = (extreme_params(), prop::collection::vec(extreme_event(), 1..8));
    prop_oneof![market, extreme].prop_filter("the configuration refuses it", |(params, _)| accepted(params))
}

/// What the configuration makes sure of: amounts that numbers hold, limits that do not exclude each other.
fn accepted(params: &RuleParams) -> bool {
    let scale = |number: Decimal| i32::try_from(number.scale()).unwrap();
    let decimals = i32::from(params.price_decimals) + i32::from(params.qty_decimals);
    let most =
        ratio([params.max_amount.mantissa(), 1, 1], 1, decimals - scale(params.max_amount), Rounding::Up);
    let contracts = most.and_then(|lots| {
        let exponent = scale(params.contract_size) - scale(params.leverage);
        ratio([lots, params.leverage.mantissa(), 1], params.contract_size.mantissa(), exponent, Rounding::Up)
    });
    let fits = if params.term == TermType::Spot { most.is_some() } else { contracts.is_some() };
    fits && params.min_amount <= params.max_amount
}

prop_compose! {
    fn policies()(
        term in prop_oneof![2 => Just(TermType::Spot), 1 => Just(TermType::Future)],
        position_side in prop::sample::select(vec![
            PositionSide::None, PositionSide::Both, PositionSide::Long, PositionSide::Short,
        ]),
        placement in prop_oneof![Just(Placement::Touch), Just(Placement::Inside)],
        empty_book in prop_oneof![1 => Just(EmptyBook::Skip), 3 => Just(EmptyBook::Trade)],
        same_price in prop_oneof![Just(SamePolicy::Nudge), Just(SamePolicy::Keep)],
        same_qty in prop_oneof![Just(SamePolicy::Nudge), Just(SamePolicy::Keep)],
        side in prop_oneof![Just(SidePolicy::Random), Just(SidePolicy::Follow)],
    ) -> RuleParams {
        RuleParams {
            term,
            price_decimals: 0,
            qty_decimals: 0,
            position_side,
            interval: Decimal::ZERO,
            qty_multiplier: Decimal::ONE,
            price_divergence: Decimal::ZERO,
            max_amount: Decimal::ONE,
            min_qty: Decimal::ZERO,
            min_amount: Decimal::ZERO,
            contract_size: Decimal::new(1, 1),
            leverage: Decimal::new(2, 0),
            placement,
            empty_book,
            same_price,
            same_qty,
            side,
        }
    }
}

prop_compose! {
    fn market_params()(
        policies in policies(),
        price_decimals in 0_u8..=8,
        qty_decimals in 0_u8..=8,
        interval in prop_oneof![Just(0_i128), 0_i128..3_000],
        multiplier in prop_oneof![Just(1_000_i128), 1_i128..20_000],
        divergence in prop_oneof![Just(0_i128), 0_i128..2_000, 0_i128..200_000],
        max_amount in prop_oneof![1_i128..1_000, 1_i128..10_000_000_000],
        least_percent in 0_i128..=100,
        min_qty in prop_oneof![Just(0_i128), 0_i128..100_000],
        contract in 1_i128..200,
        leverage in 1_i128..50,
    ) -> RuleParams {
        let amount_scale = u32::from(price_decimals.min(qty_decimals));
        RuleParams {
            price_decimals,
            qty_decimals,
            interval: Decimal::new(interval, 3),
            qty_multiplier: Decimal::new(multiplier, 3),
            price_divergence: Decimal::new(divergence, 5),
            max_amount: Decimal::new(max_amount, amount_scale),
            min_qty: Decimal::new(min_qty, u32::from(qty_decimals)),
            min_amount: Decimal::new(max_amount * least_percent, amount_scale + 3),
            contract_size: Decimal::new(contract, 2),
            leverage: Decimal::new(leverage, 1),
            ..policies
        }
    }
}

/// Ticks and tops around one price, some of them between two ticks.
fn market_event(price_decimals: u8, qty_decimals: u8, base: i128) -> impl Strategy<Value = Event> {
    let near = move |reach: i128| {
        (-reach..=reach, prop_oneof![3 => Just(0_i128), 1 => 0_i128..100]).prop_map(move |(off, fraction)| {
            Decimal::new(((base + off) * 100 + fraction).max(1), u32::from(price_decimals) + 2)
        })
    };
    let price = prop_oneof![Just(Decimal::new(base, u32::from(price_decimals))), near(3), near(base / 8 + 1)];
    let qty = prop_oneof![1_i128..20, 1_i128..1_000_000]
        .prop_map(move |qty| Decimal::new(qty, u32::from(qty_decimals)));
    let side = || prop::option::weighted(0.7, prop_oneof![3 => near(3), 1 => near(base / 8 + 1)]);
    (after_ms(), price, qty, taker_side(), (side(), side()), draw()).prop_map(
        |(after_ms, price, qty, side, (one, other), draw)| {
            // Mostly the right way round, sometimes crossed.
            let (bid, ask) = if after_ms % 7 == 0 { (one, other) } else { sorted(one, other) };
            event(after_ms, Some(price), Some(qty), side, BestPrices { bid, ask }, draw)
        },
    )
}

fn sorted(one: Option<Decimal>, other: Option<Decimal>) -> (Option<Decimal>, Option<Decimal>) {
    match (one, other) {
        (Some(one), Some(other)) => (Some(one.min(other)), Some(one.max(other))),
        sides => sides,
    }
}

prop_compose! {
    fn extreme_params()(
        policies in policies(),
        price_decimals in 0_u8..=18,
        qty_decimals in 0_u8..=18,
        interval in prop_oneof![Just(Decimal::ZERO), number()],
        qty_multiplier in number(),
        price_divergence in prop_oneof![Just(Decimal::ZERO), number()],
        max_amount in number(),
        min_qty in prop_oneof![Just(Decimal::ZERO), number()],
        min_amount in prop_oneof![Just(Decimal::ZERO), number()],
        contract_size in number(),
        leverage in number(),
    ) -> RuleParams {
        let min_amount = min_amount.min(max_amount);
        RuleParams {
            price_decimals, qty_decimals, interval, qty_multiplier, price_divergence, max_amount,
            min_qty, min_amount, contract_size, leverage, ..policies
        }
    }
}

fn extreme_event() -> impl Strategy<Value = Event> {
    let maybe = || {
        prop_oneof![
            12 => number().prop_map(Some),
            1 => Just(None),
            1 => Just(Some(Decimal::ZERO)),
            1 => number().prop_map(|number| Some(Decimal::new(-number.mantissa(), number.scale()))),
        ]
    };
    let top = prop_oneof![
        Just((None, None)),
        (maybe(), maybe()).prop_map(|(one, other)| sorted(one, other)),
        (maybe(), maybe()),
    ];
    (after_ms(), maybe(), maybe(), taker_side(), top, draw()).prop_map(
        |(after_ms, price, qty, side, (bid, ask), draw)| {
            event(after_ms, price, qty, side, BestPrices { bid, ask }, draw)
        },
    )
}

/// A number within 1e-18 and 1e18 with up to 28 digits, the ends included.
fn number() -> impl Strategy<Value = Decimal> {
    let any = (1_usize..=28, -18_i32..=18).prop_flat_map(|(digits, exponent)| {
        proptest::string::string_regex(&format!("[1-9][0-9]{{{}}}", digits - 1))
            .unwrap()
            .prop_map(move |digits| format!("{}.{}e{exponent}", &digits[..1], &format!("{digits}0")[1..]))
    });
    let end = prop::sample::select(vec!["1e18", "1e-18", "999999999999999999", "0.000000000000000001", "1"])
        .prop_map(str::to_owned);
    prop_oneof![8 => any, 1 => end].prop_filter_map("out of range", |text| Decimal::parse(&text).ok())
}

fn after_ms() -> impl Strategy<Value = i64> {
    prop_oneof![0_i64..5, 0_i64..3_000, 30_000_i64..90_000, 3_599_000_i64..3_601_000, -5_000_i64..0]
}

fn taker_side() -> impl Strategy<Value = Option<Side>> {
    prop::sample::select(vec![None, Some(Side::Buy), Some(Side::Sell)])
}

fn draw() -> impl Strategy<Value = Draw> {
    (99_950_i128..=100_049, any::<bool>()).prop_map(|(coefficient, buy)| Draw {
        coefficient: Decimal::new(coefficient, 5),
        maker_side: if buy { Side::Buy } else { Side::Sell },
    })
}

fn event(
    after_ms: i64,
    price: Option<Decimal>,
    qty: Option<Decimal>,
    side: Option<Side>,
    top: BestPrices,
    draw: Draw,
) -> Event {
    Event { after_ms, tick: Tick { price, qty, side, time_ms: None, id: None }, top, draw }
}
