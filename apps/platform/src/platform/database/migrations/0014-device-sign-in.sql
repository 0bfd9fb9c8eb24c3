-- A program without a browser that asks to be signed in (RFC 8628). Rows live ten minutes, or until the token is fetched.
CREATE TABLE sign_in_request (
  device_code_hash text PRIMARY KEY,
  user_code text NOT NULL UNIQUE COLLATE "C",
  client_name text NOT NULL CHECK (length(client_name) BETWEEN 1 AND 200),
  state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'APPROVED', 'DENIED')),
  account_id uuid,
  user_id uuid,
  -- what the approving person could do at that time
  permissions text[],
  requested_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  last_polled_at timestamptz,
  FOREIGN KEY (account_id, user_id) REFERENCES account_user (account_id, user_id) ON DELETE CASCADE,
  CHECK ((state = 'PENDING') = (user_id IS NULL)),
  CHECK ((user_id IS NULL) = (account_id IS NULL)),
  CHECK ((state = 'APPROVED') <= (permissions IS NOT NULL))
);
CREATE INDEX sign_in_request_expiry ON sign_in_request (expires_at);
