"""What the columns of every table mean, and their units, for people and for the reference."""

from __future__ import annotations

CANDIDATE: dict[str, str] = {
    "candidate_id": "its name here for ever: the survey's id under which it came first",
    "ra": "right ascension [deg, ICRS]",
    "dec": "declination [deg, ICRS]",
    "name": "name in TNS; else empty",
    "too": "whether it is a target of opportunity",
    "base_score": "score before any factor; empty: that of the config",
    "redshift": "redshift, if a source knows it",
    "redshift_source": "who says so",
    "spectral_type": "spectral type, such as SN Ia",
    "host": "name of the host galaxy",
    "comment": "words of a ToO file",
    "magnitude": "magnitude that a ToO file gave [mag]",
    "valid_until": "until when a ToO is wanted [d, MJD UTC]",
    "state": "active, or rejected",
    "first_known": "when it was first known [d, MJD UTC]",
}
"""What is stored of each candidate."""

PHOTOMETRY: dict[str, str] = {
    "candidate_id": "the candidate; in a source's report the survey's id of the object",
    "mjd": "when it was measured [d, MJD UTC]",
    "band": "the band, named as sncosmo does: ztfg, lsstr, atlaso",
    "flux": "flux; empty where there is a limit only [uJy, AB; 1 uJy is 23.9 mag]",
    "flux_err": "its error, one sigma [uJy]",
    "limit": "limit of the exposure, five sigma [uJy]",
    "kind": "detection: counts in factors; suspect: enters fits only; limit: not detected",
    "survey": "who measured it: ztf, lsst, atlas, or a name of yours",
    "source": "the source of the config that brought it",
    "measurement_id": "the survey's id; the same measurement from two brokers is one row",
    "known_at": "when anybody could have known it [d, MJD UTC]",
}
"""One row per measurement."""

FIT: dict[str, str] = {
    "candidate_id": "the candidate",
    "status": "ok, not_enough_data or failed",
    "reason": "why it is not ok",
    "t_peak": "time of the peak [d, MJD UTC]",
    "t_peak_err": "its error, one sigma [d]",
    "chisq": "chi squared",
    "ndof": "degrees of freedom",
    "n_points": "measurements that the fit used",
    "bands": "their bands, with blanks between",
    "parameters": "parameters by name; as columns <model>_<name>",
    "errors": "their errors, one sigma; as columns <model>_<name>_err",
    "covariance": "covariance of the free parameters, in the order of the errors",
}
"""One row per candidate and model; in the candidate table with the model's name in front."""

OF_CYCLE: dict[str, str] = {
    "t_peak": "time of the peak by the chosen model, see model_choice [d, MJD UTC]",
    "t_peak_err": "its error, one sigma [d]",
    "model": "name of the chosen model",
    "triage": "what people said that it is: 1 possible, -1 bogus, 0 nothing",
    "p_peak_1d": "probability that the peak is within a day of now, 0 to 1",
    "now_mjd": "time of the cycle [d, MJD UTC]",
    "ebv": "reddening E(B-V) by the Milky Way [mag]",
    "present_mag": "magnitude by the chosen fit now, where a factor asks for it and the last one "
    "is old, in the band of the last detection [mag]",
}
"""What a cycle adds to the candidate table."""

SITE: dict[str, str] = {
    "candidate_id": "the candidate",
    "altitude": "altitude now, without refraction [deg]",
    "azimuth": "azimuth now, north through east [deg]",
    "airmass": "airmass now, sec z; empty below the horizon",
    "hour_angle": "hour angle now [hour]",
    "min_altitude": "the config's visibility.min_altitude [deg]",
    "lowest_altitude": "that, or the telescope's own limit where it is higher [deg]",
    "altitude_area": "integral of the altitude above min_altitude over what is left of the night "
    "[deg d]",
    "observing_start": "now, or the beginning of the night [d, MJD UTC]",
    "night_start": "beginning of the night at the site's twilight [d, MJD UTC]",
    "night_end": "end of the night [d, MJD UTC]",
    "night_left": "what is left of the night [d]",
    "culmination": "time of the highest point of what is left of the night [d, MJD UTC]",
    "culmination_altitude": "altitude then [deg]",
    "culmination_moon_sep": "distance to the Moon then [deg]",
    "culmination_moon_altitude": "altitude of the Moon then [deg]",
    "rises": "when it comes above the limit tonight; empty: it was up at dusk [d, MJD UTC]",
    "sets": "when it goes below the limit tonight; empty: still up at dawn [d, MJD UTC]",
    "hours_left": "time for which it can still be observed tonight [hour]",
    "moon_sep": "distance to the Moon now, seen from the site [deg]",
    "moon_altitude": "altitude of the Moon now [deg]",
    "moon_illumination": "lit share of the Moon, 0 to 1",
    "moon_limit": "the site's own smallest distance to the Moon; empty: none [deg]",
    "observable_now": "whether it is night and the candidate is within all limits",
    "status": "why it cannot be observed any more tonight; else empty",
}
"""What SITE factors read beside the candidate table, per observatory."""

LISTS: dict[str, str] = {
    "rank": "1 is what to observe next",
    "ra_hms": "right ascension in hours, as telescopes take it",
    "dec_dms": "declination in degrees, as telescopes take it",
    "score": "base score times the factors; -1 excluded, -inf rejected",
    "site_score": "score times the factors of the site",
    "factor_<name>": "value of a factor, in the order of the config",
    "x_vis": "where a site's score is a chance: A&A 698, A153, Eq. 13, bounded; no factor",
    "reachable_from": "in science.csv: observatories that can observe it tonight; empty: none",
    "decision": "keep, exclude or reject",
    "factor": "the factor that decided",
    "reason": "why, with the numbers; in a ranked list the reasons of all factors",
    "at": "when it was rejected (UTC)",
}
"""What only the CSV files have; their times are ISO 8601 in UTC, to the minute."""

PARAMETERS: dict[str, dict[str, str]] = {
    "salt": {
        "z": "redshift: the known one, or the fitted one",
        "t0": "time of the peak in B [d, MJD UTC]",
        "x0": "amplitude",
        "x1": "stretch",
        "c": "colour",
        "mB": "magnitude of the peak in B, 10.5 - 2.5 log10 x0 [mag]",
        "ebv": "reddening E(B-V) by the Milky Way [mag]",
        "objective": "what the fit made least: chi squared, with priors if there are any",
        "t0_other": "t0 of the next best, other minimum; empty: there is none [d, MJD UTC]",
        "dchisq_other": "by how much its objective is worse",
    },
    "bazin": {
        "A_<band>": "amplitude [uJy]",
        "t0_<band>": "reference time [d, MJD UTC]",
        "tau_rise_<band>": "time of the rise [d]",
        "tau_fall_<band>": "time of the decline [d]",
        "q_<band>": "flux long before and after [uJy]",
        "t_peak_<band>": "time of the peak in this band [d, MJD UTC]",
        "t_peak_err_<band>": "its error, one sigma [d]",
    },
    "dip": {
        "n_history_<band>": "points of the history",
        "n_alert_<band>": "points of the alert sample",
        "median_<band>": "median of the history [mag]",
        "std_<band>": "standard deviation of the history [mag]",
        "chisq_<band>": "mean of ((m - median) / error)^2 of the history",
        "chisq_90_<band>": "the same between its 5th and 95th percentile, about its own median",
        "limit_<band>": "percentile of the history that the alerts are compared with [mag]",
        "alert_<band>": "middle of the alert sample [mag]",
        "p_<band>": "two-sample Kolmogorov-Smirnov p of history and alerts",
        "depth_<band>": "that less the median of the history; positive: fainter [mag]",
        "depth_err_<band>": "its error [mag]",
        "sigmas_<band>": "depth in standard deviations of the history",
        "sigmas_err_<band>": "its error",
        "n_brighter_<band>": "alert points brighter than their template",
        "nights_<band>": "nights with alerts fainter than the limit",
    },
    "change": {
        "flagged": "1 while the source is flagged, 0 if it is not",
        "kind": "what raised the flag: 1 two nights, 2 two bands in one night, 3 a trend and a "
        "block",
        "flag_mjd": "when the flag that is up, or else the last one, was raised [d, MJD UTC]",
        "first_flag_mjd": "when the first was raised [d, MJD UTC]",
        "n_flags": "flags so far, also resolved ones",
        "sign": "1 brighter, -1 fainter; 0 if it is not flagged",
        "t_on": "onset: first night of the first block beside the baseline [d, MJD UTC]",
        "t_0": "last night before it [d, MJD UTC]",
        "t_top": "night that differs most since the onset [d, MJD UTC]",
        "rise": "from the onset to that night [d]",
        "rise_most": "from the last night before the onset: its upper limit [d]",
        "reversals": "nights clearly below the maximum before them, of the rise",
        "s_most": "greatest deviation in any band so far [sigma]",
        "s": "greatest deviation of the last night of any band [sigma]",
        "p": "probability of such a night, by tails pooled over quiet stars",
        "nights_<band>": "nights that were looked at",
        "n_base_<band>": "nights of the baseline; 0: there is none yet",
        "base_from_<band>": "first night of the baseline [d, MJD UTC]",
        "base_to_<band>": "its last night [d, MJD UTC]",
        "mean_<band>": "level of the baseline [uJy]",
        "mean_err_<band>": "its error [uJy]",
        "scatter_<band>": "own scatter beyond the errors [uJy]",
        "scatter_low_<band>": "its lower limit of 95 % [uJy]",
        "scatter_high_<band>": "its upper limit of 95 % [uJy]",
        "mag_<band>": "level of the baseline [mag]",
        "scatter_mag_<band>": "own scatter [mag]",
        "scatter_mag_low_<band>": "its lower limit of 95 % [mag]",
        "scatter_mag_high_<band>": "its upper limit of 95 % [mag]",
        "z_<band>": "deviation of the last night [sigma]",
        "plus_<band>": "cumulative sum of what is brighter",
        "minus_<band>": "of what is fainter",
        "walk_sigma_<band>": "standard deviation of the damped random walk; 0: none is used [uJy]",
        "walk_tau_<band>": "its time scale [d]",
        "tau_<band>": "lag at which the structure function exceeds scatter^2; empty: not "
        "constrained [d]",
        "status_<band>": "0 ok, 1 random walk, 2 the baseline itself changes, 3 too few nights, "
        "4 none",
        "written_s_<band>": "greatest |S| as the project's document writes it",
        "written_sum_<band>": "greatest cumulative sum as it writes it",
        "written_pass_<band>": "1 if the source passes as it writes it",
    },
}
"""Parameters of the packaged models; as columns with the model's name in front."""
