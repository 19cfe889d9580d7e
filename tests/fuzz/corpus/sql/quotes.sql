CREATE TABLE "A b" (k text, "end" bigint) WITH (format = 'json'); /* c /* d */ */ -- e
CREATE MATERIALIZED VIEW $$x$$