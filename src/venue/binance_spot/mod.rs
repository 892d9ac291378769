//! Client of the Binance Spot dialect: REST, WS API, streams.
