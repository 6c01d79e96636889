-- Failed sign-ins, here so that neither a restart nor an emptied cache forgives them (threat T41).
create table guess_budgets (
    id text primary key,            -- SHA-256 (hex) of what is counted: an account, a network, or an account seen from a network
    full_at bigint not null,        -- when all of the budget is there again: microseconds since 1970, for the database calculates with it
    turn_at {time},                 -- when it is this network's turn; null: it does not wait for one
    known_at {time},                -- when somebody last signed in to this account from this network; null: never
    forget_at {time} not null       -- the row is of no use from here on
);
create index guess_budgets_age on guess_budgets (forget_at);
