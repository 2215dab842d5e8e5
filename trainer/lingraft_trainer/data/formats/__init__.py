"""One module per shape of task file; `data.tasks` chooses among them."""
