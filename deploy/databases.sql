-- Milepost's databases and their users, for a PostgreSQL that has neither yet; psql runs it as a superuser.
-- Passwords come from files in the folder $SECRETS, as deploy/prepare.py writes them. One user for each thing that is done:
--   journal         appends events                        (accept)
--   journal_reader  reads events and nothing else         (publish, replay)
--   keys            wraps, reads and destroys keys        (accept, replay)
--   view            keeps the read models                 (view)
--   react           keeps what plugins keep, a schema of its own for each of them (react)

\set ON_ERROR_STOP on
\set journal `cat "$SECRETS/journal"`
\set journal_reader `cat "$SECRETS/journal_reader"`
\set keys `cat "$SECRETS/keys"`
\set view `cat "$SECRETS/view"`
\set react `cat "$SECRETS/react"`

CREATE ROLE journal LOGIN PASSWORD :'journal';
CREATE ROLE journal_reader LOGIN PASSWORD :'journal_reader';
CREATE ROLE keys LOGIN PASSWORD :'keys';
CREATE ROLE view LOGIN PASSWORD :'view';
CREATE ROLE react LOGIN PASSWORD :'react';

CREATE DATABASE journal OWNER journal ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE keys OWNER keys ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE view OWNER view ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE react ENCODING 'UTF8' TEMPLATE template0;

-- Nobody connects to what is not theirs, and nobody but the owner makes tables. react owns nothing but the schemas that
-- it makes, here alone.
REVOKE ALL ON DATABASE journal, keys, view, react FROM PUBLIC;
GRANT CONNECT ON DATABASE journal TO journal_reader;
GRANT CONNECT, CREATE ON DATABASE react TO react;

\connect journal
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO journal;
GRANT USAGE ON SCHEMA public TO journal_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE journal IN SCHEMA public GRANT SELECT ON TABLES TO journal_reader;

\connect keys
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO keys;

\connect view
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO view;

\connect react
REVOKE ALL ON SCHEMA public FROM PUBLIC;
