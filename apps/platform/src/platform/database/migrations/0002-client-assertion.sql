-- Assertions of gateways that were used and have not expired: each counts once, on whichever process it arrives (RFC 7523, 3).
CREATE TABLE client_assertion (
  jti_hash text PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX client_assertion_expires ON client_assertion (expires_at);
