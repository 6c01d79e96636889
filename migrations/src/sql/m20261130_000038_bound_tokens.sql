-- Tokens that are bound to a key (RFC 9449).

-- The thumbprint of the key that a grant's tokens are bound to; null: whoever has them may use them, or their client shows who it is.
alter table grants add column dpop_jkt text;
