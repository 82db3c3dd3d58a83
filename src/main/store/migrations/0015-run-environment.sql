-- With what a run was done: program, build, machine. JSON; null for runs from before it was noted.
ALTER TABLE run ADD COLUMN environment TEXT CHECK (json_valid(environment));
