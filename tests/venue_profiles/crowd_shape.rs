//! The crowd's core, without a venue: on a book of its own, or on the engine.

use proptest::prelude::*;
use schemas::order::Side;
use self_trader::simulator::CrowdSettings;
use self_trader::simulator::crowd::shape::{Grid, Intent, Resting, Shape, View};
use self_trader::simulator::engine::{
    AMOUNT_DECIMALS, AccountId, ClientId, Command, Done, Engine, Event, Life, MarketKind, NewOrder, OrderId,
    SymbolId,
};
use self_trader::simulator::profile::Range;

const GRID: Grid = Grid { price: Range::ALL, lot: Range::ALL, unit: 100_000_000 };

/// A book that holds the crowd's orders alone and in which nothing trades.
#[derive(Default)]
struct Shelf {
    view: View,
    next: u64,
}

impl Shelf {
    fn take(&mut self, intents: &[Intent]) {
        for intent in intents {
            match *intent {
                Intent::Cancel(id) => self.view.own.retain(|own| own.id != id),
                Intent::Rest { side, price, lots } => {
                    assert!(price > 0 && lots > 0);
                    self.next += 1;
                    self.view.own.push(Resting { id: OrderId(self.next), side, price });
                    self.find_best();
                    let [bid, ask] = self.view.best;
                    assert!(bid.zip(ask).is_none_or(|(bid, ask)| bid < ask), "crossed: {bid:?} {ask:?}");
                }
                Intent::Take { price, lots, .. } => assert!(price > 0 && lots > 0),
            }
            self.find_best();
        }
    }

    fn find_best(&mut self) {
        let of = |side| self.view.own.iter().filter(move |own| own.side == side).map(|own| own.price);
        self.view.best = [of(Side::Buy).max(), of(Side::Sell).min()];
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Told(i64),
    Print(i64),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let price = prop_oneof![9_900_i64..10_100, 1_i64..30, 1_i64..1_000_000];
    let step = prop_oneof![
        price.clone().prop_map(Step::Told),
        price.prop_map(Step::Print),
        (1_i64..2_000).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..60)
}

/// All intents of these steps, on a shelf that checks each.
fn run(settings: &CrowdSettings, seed: u64, steps: &[Step]) -> (Vec<Intent>, Shelf) {
    let (mut shape, mut shelf) = (Shape::new(settings, seed, GRID), Shelf::default());
    let (mut all, mut now_ms) = (Vec::new(), 1_790_000_000_000);
    for step in steps {
        match *step {
            Step::Told(price) => shape.set_reference(price),
            Step::Print(price) => shape.handle_print(price),
            Step::Wait(ms) => now_ms += ms,
        }
        let mut intents = Vec::new();
        shape.poll(now_ms, &shelf.view, &mut intents);
        shelf.take(&intents);
        all.extend(intents);
    }
    (all, shelf)
}

proptest! {
    #[test]
    fn the_crowd_never_crosses_itself_is_bounded_and_has_no_chance_but_its_seed(
        steps in steps(), levels in 1_u16..60, seed in any::<u64>(),
    ) {
        let settings = CrowdSettings { levels, ..CrowdSettings::deep() };
        let (intents, shelf) = run(&settings, seed, &steps);
        prop_assert!(shelf.view.own.len() <= 2 * (usize::from(levels) + 5), "{} orders", shelf.view.own.len());
        prop_assert_eq!(&intents, &run(&settings, seed, &steps).0);
    }
}

#[test]
fn another_seed_is_another_crowd_and_without_a_price_there_is_none() {
    let steps: Vec<Step> =
        std::iter::once(Step::Told(10_000)).chain((0..50).map(|_| Step::Wait(200))).collect();
    let settings = CrowdSettings::small();
    assert_ne!(run(&settings, 1, &steps).0, run(&settings, 2, &steps).0);
    assert_eq!(run(&settings, 1, &steps[1..]).0, []);
}

/// The engine with the crowd's two accounts.
struct Market {
    engine: Engine,
    accounts: [AccountId; 2],
    symbol: SymbolId,
    ids: u64,
    trades: u64,
}

impl Market {
    fn new() -> Self {
        let mut engine = Engine::default();
        let assets = [(); 2].map(|()| match engine.apply(&Command::AddAsset, &mut Vec::new()) {
            Ok(Done::Asset(asset)) => asset,
            other => panic!("{other:?}"),
        });
        let [base, quote] = assets;
        let kind = MarketKind::Spot { base, quote };
        let add = Command::AddSymbol { kind, price_decimals: 2, qty_decimals: 6 };
        let Ok(Done::Symbol(symbol)) = engine.apply(&add, &mut Vec::new()) else { panic!("no symbol") };
        let accounts = [(); 2].map(|()| {
            let Ok(Done::Account(account)) = engine.apply(&Command::AddAccount, &mut Vec::new()) else {
                panic!("no account")
            };
            for asset in assets {
                let amount = 1_000_000_000_000 * 10_i128.pow(AMOUNT_DECIMALS.into());
                engine.apply(&Command::Deposit { account, asset, amount }, &mut Vec::new()).unwrap();
            }
            account
        });
        Self { engine, accounts, symbol, ids: 0, trades: 0 }
    }

    fn view(&self) -> View {
        let own = self.engine.open_orders_of_account(self.accounts[0]);
        let mut own: Vec<_> =
            own.map(|order| Resting { id: order.id, side: order.side, price: order.price }).collect();
        own.sort_unstable_by_key(|own| own.id);
        View { own, best: [Side::Buy, Side::Sell].map(|side| self.best(side)) }
    }

    fn best(&self, side: Side) -> Option<i64> {
        self.engine.best(self.symbol, side).map(|(price, _)| price)
    }

    fn carry_out(&mut self, intent: Intent) {
        self.ids += 1;
        let client = ClientId::new(&format!("crowd-{}", self.ids)).unwrap();
        let place = |account, side, numbers, life| {
            Command::Place(NewOrder::limit(account, self.symbol, client, side, numbers, life))
        };
        let command = match intent {
            Intent::Cancel(id) => Command::Cancel { id, now_ms: 0 },
            Intent::Rest { side, price, lots } => place(self.accounts[0], side, (price, lots), Life::Gtx),
            Intent::Take { side, price, lots } => place(self.accounts[1], side, (price, lots), Life::Ioc),
        };
        let mut events = Vec::new();
        // A post-only order that would trade is refused; nothing else may be.
        if let Err(reject) = self.engine.apply(&command, &mut events) {
            assert!(matches!(intent, Intent::Rest { .. }), "{intent:?}: {reject}");
        }
        self.trades +=
            u64::try_from(events.iter().filter(|event| matches!(event, Event::Traded(_))).count()).unwrap();
    }
}

/// Ten simulated minutes, looked at every 50 ms, while the reference walks as a lively market does.
#[test]
fn the_spread_is_a_tick_most_of_the_time_and_the_book_has_depth() {
    for (settings, trades_least) in [(CrowdSettings::small(), 200), (CrowdSettings::deep(), 2_000)] {
        let mut market = Market::new();
        let mut shape = Shape::new(&settings, 7, GRID);
        let (mut reference, mut one_tick, mut five_deep, mut looks) = (6_500_000_i64, 0_u64, 0_u64, 0_u64);
        for at in 0..12_000_i64 {
            // A walk that the test draws: up to 20 ticks every second.
            if at % 20 == 0 {
                reference += (at * 7_919 / 20) % 41 - 20;
                shape.set_reference(reference);
            }
            let mut intents = Vec::new();
            shape.poll(1_790_000_000_000 + at * 50, &market.view(), &mut intents);
            intents.into_iter().for_each(|intent| market.carry_out(intent));
            if at < 200 {
                continue;
            }
            looks += 1;
            let (bid, ask) = (market.best(Side::Buy).unwrap(), market.best(Side::Sell).unwrap());
            one_tick += u64::from(ask - bid == 1);
            let depth = |side| market.engine.levels(market.symbol, side).take(5).count();
            five_deep += u64::from(depth(Side::Buy) == 5 && depth(Side::Sell) == 5);
            assert!((bid - reference).abs() <= 60, "{bid} is far from {reference}");
        }
        let percent = |part: u64| part * 100 / looks;
        assert!((85..=99).contains(&percent(one_tick)), "{settings:?}: one tick in {} %", percent(one_tick));
        assert_eq!(percent(five_deep), 100, "{settings:?}");
        assert!(market.trades >= trades_least, "{} trades", market.trades);
        let open = market.engine.open_order_count();
        assert!(open <= 2 * (usize::from(settings.levels) + 5), "{open} orders");
    }
}

/// Without being told, the crowd goes where the prints push it: twice as far each time.
#[test]
fn prints_at_the_touch_move_the_price_faster_and_faster() {
    let mut shape = Shape::new(&CrowdSettings::small(), 1, GRID);
    shape.set_reference(10_000);
    let mut moves = Vec::new();
    for _ in 0..9 {
        let before = shape.reference().unwrap();
        // The ask is the tick above the bid, which follows the reference.
        shape.handle_print(before + i64::from(moves.is_empty()));
        moves.push(shape.reference().unwrap() - before);
    }
    assert_eq!(moves[..4], [2, 2, 4, 8], "{moves:?}");
    assert!(moves.iter().all(|moved| *moved <= 64), "{moves:?}");
}
