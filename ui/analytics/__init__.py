"""The parts of the analytics page: its filters, tiles, charts and the lists behind them."""
