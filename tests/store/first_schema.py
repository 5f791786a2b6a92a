"""A store as old as can be, from which all migrations start."""

from __future__ import annotations

FIRST = """
CREATE TABLE candidates (id INTEGER NOT NULL PRIMARY KEY, candidate_id VARCHAR NOT NULL UNIQUE,
    ra FLOAT NOT NULL, dec FLOAT NOT NULL, name VARCHAR NOT NULL, too BOOLEAN NOT NULL,
    base_score FLOAT, redshift FLOAT, redshift_source VARCHAR NOT NULL,
    spectral_type VARCHAR NOT NULL, host VARCHAR NOT NULL, comment TEXT NOT NULL, magnitude FLOAT,
    valid_until FLOAT, state VARCHAR NOT NULL, first_known FLOAT);
CREATE TABLE aliases (alias VARCHAR NOT NULL PRIMARY KEY, candidate INTEGER NOT NULL REFERENCES
    candidates (id), survey VARCHAR NOT NULL);
CREATE INDEX ix_aliases_candidate ON aliases (candidate);
CREATE TABLE photometry (candidate INTEGER NOT NULL REFERENCES candidates (id), survey VARCHAR NOT
    NULL, measurement_id VARCHAR NOT NULL, mjd FLOAT NOT NULL, band VARCHAR NOT NULL, flux FLOAT,
    flux_err FLOAT, "limit" FLOAT, kind VARCHAR NOT NULL, source VARCHAR NOT NULL, known_at FLOAT
    NOT NULL, PRIMARY KEY (candidate, survey, measurement_id)) WITHOUT ROWID;
CREATE TABLE annotations (candidate INTEGER NOT NULL REFERENCES candidates (id), "key" VARCHAR NOT
    NULL, value TEXT NOT NULL, known_at FLOAT NOT NULL, PRIMARY KEY (candidate, "key"));
CREATE TABLE fits (candidate INTEGER NOT NULL REFERENCES candidates (id), model VARCHAR NOT NULL,
    digest VARCHAR NOT NULL, fit TEXT NOT NULL, PRIMARY KEY (candidate, model));
CREATE TABLE rejections (candidate INTEGER NOT NULL PRIMARY KEY REFERENCES candidates (id), factor
    VARCHAR NOT NULL, reason TEXT NOT NULL, at FLOAT NOT NULL, "row" TEXT NOT NULL);
CREATE TABLE scores (candidate INTEGER NOT NULL REFERENCES candidates (id), at FLOAT NOT NULL,
    score FLOAT, decision VARCHAR NOT NULL, factor VARCHAR NOT NULL, PRIMARY KEY (candidate, at));
CREATE INDEX scores_by_time ON scores (at);
CREATE TABLE ranks (candidate INTEGER NOT NULL REFERENCES candidates (id), observatory VARCHAR NOT
    NULL, at FLOAT NOT NULL, rank INTEGER NOT NULL, site_score FLOAT NOT NULL, PRIMARY KEY
    (candidate, observatory, at));
CREATE TABLE feedback (id INTEGER NOT NULL PRIMARY KEY, candidate INTEGER NOT NULL REFERENCES
    candidates (id), kind VARCHAR NOT NULL, at FLOAT NOT NULL, until FLOAT, observatory VARCHAR
    NOT NULL, author VARCHAR NOT NULL, comment TEXT NOT NULL);
CREATE INDEX ix_feedback_candidate ON feedback (candidate);
CREATE TABLE sources (source VARCHAR NOT NULL PRIMARY KEY, cursor TEXT NOT NULL, newest_alert
    FLOAT, last_poll FLOAT, last_success FLOAT, last_error TEXT NOT NULL, failures INTEGER NOT
    NULL, retry_at FLOAT);
CREATE TABLE cycles (at FLOAT NOT NULL PRIMARY KEY, version VARCHAR NOT NULL, config VARCHAR NOT
    NULL, report TEXT NOT NULL);
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0001');
INSERT INTO candidates VALUES (1, 'a', 10.0, 20.0, '', 0, NULL, 0.1, 'tns', 'SN Ia', '', '', NULL,
    NULL, 'active', 61000.0), (2, 'b', 11.0, 21.0, '', 0, NULL, NULL, '', '', '', '', NULL, NULL,
    'active', 61000.0), (3, 'c', 12.0, 22.0, '', 1, 5.0, NULL, '', '', '', '', NULL, NULL,
    'active', 61000.0);
INSERT INTO aliases VALUES ('a', 1, 'ztf');
INSERT INTO photometry VALUES (1, 'ztf', 'm1', 61000.0, 'ztfg', 100.0, 5.0, NULL, 'detection',
    'fink', 61000.1);
INSERT INTO feedback VALUES (1, 1, 'veto', 61000.0, NULL, '', 'me', 'a galaxy');
INSERT INTO sources VALUES ('fink', '{"offset": 7}', NULL, 61000.0, 61000.0, '', 0, NULL);
"""
"""A store of the first schema, as the first version of this program made it."""
