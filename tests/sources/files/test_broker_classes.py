"""What brokers say of an object in tables of theirs stays a guess."""

from __future__ import annotations

import json

import pytest

from tests.sources.files.test_formats import read

CLASSES = {
    # fink-portal.org, api/v1/objects: Fink's guess; what it takes from TNS says so
    "v:classification": ("Early SN Ia candidate", {"fink_classification": "Early SN Ia candidate"}),
    "v:classification,x": ("SN candidate,1", {"fink_classification": "SN candidate"}),
    "d:classification": ("(TNS) SN Ia", {"spectral_type": "SN Ia"}),
    # alerce.online, "Download" of a list of objects
    "class,classifier,probability": ("SNIa,lc_classifier,0.9", {"alerce_class": "SNIa"}),
    "class_name,classifier_name": ("SN,stamp_classifier", {"alerce_class": "SN"}),
    # lasair.readthedocs.io: sherlock_classifications.classification, and what lies near
    "classification,separationArcsec,z": (
        "SN,2.5,0.08",
        {"lasair_sherlock": "SN", "lasair_z": 0.08},
    ),
    "classification": ("NT", {"lasair_sherlock": "NT"}),
    "sherlock_classifications": ("SN", {"lasair_sherlock": "SN"}),
    # A person's own column, and TNS's
    "type": ("SN Ia", {"spectral_type": "SN Ia"}),
    "class,z": ("SN Ia,0.08", {"spectral_type": "SN Ia", "redshift": 0.08}),
    "Classification": ("SN Ia candidate", {}),
    "classification,tns_type": ("VS,SN II", {"lasair_sherlock": "VS", "spectral_type": "SN II"}),
}


@pytest.mark.parametrize("header", CLASSES)
@pytest.mark.parametrize("measured", ["", ",mjd,band,mag,magerr"])
def test_the_guess_of_a_broker_is_no_spectral_type(tmp_path, header, measured):
    """Lists of objects and light curves: it is kept under the name of the broker's own source."""
    cells, right = CLASSES[header]
    values = ",60200.21,ztfr,18.5,0.05" if measured else ""
    text = f"name,ra,dec,{header}{measured}\nZTF23abcdefg,155.127,-5.25,{cells}{values}\n"
    facts = read(tmp_path, text).facts
    assert {key: value for _, key, value, *_ in facts} == right


def test_the_redshift_of_what_sherlock_finds_near_is_none_of_the_object(tmp_path):
    """Lasair's JSON: ``sherlock`` says what lies near, at 12 arcsec too."""
    row = {"candid": 1, "jd": 2460200.71, "fid": 1, "magpsf": 18.5, "sigmapsf": 0.05}
    content = {
        "objectId": "ZTF23abcdefg",
        "objectData": {"ramean": 155.127, "decmean": -5.25},
        "candidates": [{**row, "ra": 155.127, "dec": -5.25}],
        "sherlock": {"classification": "SN", "separationArcsec": 12.0, "z": 0.08},
    }
    facts = read(tmp_path, json.dumps(content), "lc.json").facts
    said = {key: value for _, key, value, *_ in facts}
    assert said == {"lasair_sherlock": "SN", "lasair_z": 0.08}
    # What TNS says of the object itself is in a block of its own.
    content["TNS"] = {"tns_name": "2020uve", "type": "SN II", "z": 0.03}
    facts = read(tmp_path, json.dumps(content), "lc.json").facts
    said = {key: value for _, key, value, *_ in facts if not key.startswith("lasair")}
    assert said == {"name": "2020uve", "spectral_type": "SN II", "redshift": 0.03}
