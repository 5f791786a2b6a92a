"""Tests of the page: real servers, real stores, real browsers."""
