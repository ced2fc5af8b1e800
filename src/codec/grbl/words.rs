//! What GRBL's numbers mean, in words of our own.

/// What `error:n` says: the list of GRBL 1.1h's `report.h`.
pub(super) fn error(code: u32) -> &'static str {
    match code {
        1 => "a word of G-code must begin with a letter",
        2 => "a number is missing or no number",
        3 => "a `$` command that it does not know",
        4 => "a value below zero",
        5 => "homing is not enabled",
        6 => "a step pulse that is too short",
        7 => "stored settings could not be read and were reset",
        8 => "only while it is idle",
        9 => "locked by an alarm or a jog",
        10 => "soft limits need homing",
        11 => "the line is too long",
        12 => "a step rate that is too high",
        13 => "the safety door is open",
        14 => "a startup line that is too long",
        15 => "a jog beyond the travel",
        16 => "a jog with words that jogs have not",
        17 => "laser mode needs a PWM output",
        20 => "a command that it does not know",
        21 => "two commands of one group in a line",
        22 => "no feed rate",
        23 => "a whole number is wanted",
        24 => "two commands want the same words",
        25 => "a word is there twice",
        26 => "a command lacks its axis words",
        27 => "a line number that is too large",
        28 => "a value is missing",
        29 => "a work coordinate system that there is not",
        30 => "G53 goes with G0 and G1 alone",
        31 => "axis words that no command uses",
        32 => "an arc without words of its plane",
        33 => "a target that cannot be reached",
        34 => "an arc of that radius cannot be",
        35 => "an arc without offsets",
        36 => "words that nothing uses",
        37 => "a tool length offset on another axis",
        38 => "a tool number that is too large",
        _ => "a number that GRBL 1.1 does not have",
    }
}

/// What `ALARM:n` says.
pub(super) fn alarm(code: u32) -> &'static str {
    match code {
        1 => "a limit switch was hit; its position is lost",
        2 => "a target beyond the travel",
        3 => "reset while it moved; its position is lost",
        4 => "the probe was not as expected at the start",
        5 => "the probe did not touch",
        6 => "homing: it was reset",
        7 => "homing: the safety door was opened",
        8 => "homing: a switch did not clear",
        9 => "homing: no switch was found",
        _ => "a number that GRBL 1.1 does not have",
    }
}
