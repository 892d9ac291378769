//! The Binance Spot dialect beyond what it shares with USD-M: its requests, its user events, its start questions.

pub mod answer;
pub mod api_error;
pub mod encode;
pub mod event;
pub mod request;
pub mod rest;
