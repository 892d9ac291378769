//! The one-screen view: prices as sparklines, last trades, what was counted. Reads, never touches trading.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::symbols;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph, Row, Sparkline, Table};
use schemas::order::Side;

use super::plain::Watcher;
use super::view::{SymbolView, View};
use crate::status::AppStatus;

/// One frame's time: keys are looked for as often.
const FRAME: Duration = Duration::from_millis(120);
const FOLLOWED: Color = Color::Cyan;
const PRODUCED: Color = Color::LightGreen;

/// Draws until dropped. `q` and Ctrl-C ask the process to stop in order.
pub(super) fn start(status: AppStatus, title: String) -> Watcher {
    let (stop, stopped) = sync_channel(1);
    let thread = std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
        let mut terminal = ratatui::init();
        let shown = show(&mut terminal, &status, &title, &stopped);
        ratatui::restore();
        if let Err(error) = shown {
            tracing::error!(%error, "the screen failed");
        }
    });
    Watcher { stop: Some(stop), thread: thread.ok() }
}

fn show(
    terminal: &mut DefaultTerminal,
    status: &AppStatus,
    title: &str,
    stopped: &Receiver<()>,
) -> std::io::Result<()> {
    while matches!(stopped.try_recv(), Err(TryRecvError::Empty)) {
        let view = View::of(status);
        terminal.draw(|frame| draw(frame, &view, title))?;
        if event::poll(FRAME)? && wants_to_leave(&event::read()?) {
            status.ask_to_stop();
        }
    }
    Ok(())
}

/// In raw mode Ctrl-C is a key like any other.
fn wants_to_leave(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    ctrl_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
}

fn draw(frame: &mut Frame<'_>, view: &View, title: &str) {
    let prices = u16::try_from(view.symbols.len().min(4)).unwrap_or(4) * 7;
    let [head, charts, below, foot] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Max(prices),
        Constraint::Min(8),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_head(frame, head, view, title);
    draw_charts(frame, charts, view);
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(58), Constraint::Percentage(42)]).areas(below);
    draw_trades(frame, left, view);
    draw_counts(frame, right, view);
    frame.render_widget(legend(), foot);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, view: &View, title: &str) {
    let line = Line::from(vec![
        Span::from("  pairs ").dark_gray(),
        Span::from(view.totals.pairs.to_string()).bold(),
        Span::from("   matched ").dark_gray(),
        Span::from(view.matched_share()).bold().light_green(),
        Span::from("   tick to maker ").dark_gray(),
        Span::from(format!("{} µs", view.tick_to_maker_us.p50)).bold(),
        Span::from("   feed ").dark_gray(),
        Span::from(view.feed.as_str()),
        Span::from(format!("   {} s", view.up_s)).dark_gray(),
    ]);
    let heading = format!(" self-trader · a dead market comes alive · {title} ");
    frame.render_widget(Paragraph::new(line).block(boxed(heading)), area);
}

fn draw_charts(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let rows = Layout::vertical(view.symbols.iter().map(|_| Constraint::Fill(1))).split(area);
    for (symbol, row) in view.symbols.iter().zip(rows.iter()) {
        draw_chart(frame, *row, symbol);
    }
}

fn draw_chart(frame: &mut Frame<'_>, area: Rect, symbol: &SymbolView) {
    let heading = format!(" {} {}  {}  ({} pairs) ", symbol.symbol, symbol.market, symbol.last, symbol.pairs);
    let block = boxed(heading);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [above, below] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(inner);
    for (prices, color, place) in [(&symbol.followed, FOLLOWED, above), (&symbol.produced, PRODUCED, below)] {
        let width = usize::from(place.width);
        let newest = &prices[prices.len().saturating_sub(width)..];
        let line = Sparkline::default().data(newest).max(64).style(Style::new().fg(color));
        frame.render_widget(line.bar_set(symbols::bar::NINE_LEVELS), place);
    }
}

fn draw_trades(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let rows = view.trades.iter().rev().take(usize::from(area.height)).map(|trade| {
        let (word, color) = match trade.taker {
            Side::Buy => ("buy", Color::LightGreen),
            Side::Sell => ("sell", Color::LightRed),
        };
        let seconds = trade.at_ms.div_euclid(1_000).rem_euclid(86_400);
        let time = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        Row::new([
            time,
            trade.symbol.clone(),
            word.to_owned(),
            trade.price.clone(),
            trade.qty.clone(),
            trade.outcome.name().to_owned(),
        ])
        .style(Style::new().fg(color))
    });
    let widths = [8, 10, 5, 14, 14, 12].map(Constraint::Length);
    frame.render_widget(Table::new(rows, widths).block(boxed(" last trades ".to_owned())), area);
}

fn draw_counts(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let mut rows = vec![
        counted("messages", view.messages.to_string()),
        counted("ticks", view.totals.ticks.to_string()),
        counted("tick to maker p99", format!("{} µs", view.tick_to_maker_us.p99)),
        counted("tick to done p50", format!("{} µs", view.tick_to_done_us.p50)),
        counted("tick to done p99", format!("{} µs", view.tick_to_done_us.p99)),
    ];
    rows.extend(view.skips().into_iter().map(|(name, count)| counted(name, count.to_string()).dark_gray()));
    let table = Table::new(rows, [Constraint::Length(20), Constraint::Fill(1)]);
    frame.render_widget(table.block(boxed(" counted ".to_owned())), area);
}

fn counted(name: &str, value: String) -> Row<'static> {
    Row::new([name.to_owned(), value])
}

fn legend() -> Line<'static> {
    Line::from(vec![
        Span::styled(" ▇ followed ", Style::new().fg(FOLLOWED)),
        Span::styled(" ▇ produced on the venue ", Style::new().fg(PRODUCED)),
        Span::styled("  q leaves", Style::new().add_modifier(Modifier::DIM)),
    ])
}

fn boxed(title: String) -> Block<'static> {
    Block::bordered().border_type(BorderType::Rounded).border_style(Style::new().dark_gray()).title(title)
}
