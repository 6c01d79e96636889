-- What a program must know to work on this database. A program starts on a schema that is newer than itself, unless a row here names a
-- step that it does not know: a step that takes something away (a contraction) says so by inserting its own name.
create table schema_requirements (
    step text primary key,          -- a program whose list of steps lacks it must not run
    version text not null           -- the first version that has it, for whoever reads the refusal
);
