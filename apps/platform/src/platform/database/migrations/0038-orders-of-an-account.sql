-- Orders of a buyer, newest first: without it each page goes through the orders of all accounts.
CREATE INDEX app_order_account ON app_order (account_id, placed_at DESC, order_id);
