-- Guesses at passwords, here so that neither a restart nor an emptied cache forgives them (T41). The id is a SHA-256 of what is counted: an
-- account, a network, or an account seen from a network. full_at (microseconds since 1970, for the database calculates with it): when all of
-- the budget is there again. turn_at: when it is this network's turn, if it waits for one. known_at: when somebody signed in.
create table guess_budgets (
    id text primary key,
    full_at bigint not null,
    turn_at {time},
    known_at {time},
    forget_at {time} not null
);
create index guess_budgets_age on guess_budgets (forget_at);
