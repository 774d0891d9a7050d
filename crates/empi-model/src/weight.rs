//! Weights in bits and probabilities: the arithmetic of Fellegi and Sunter (1969).

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

/// Evidence for or against a match, in bits: log2(m/u) per comparison level, or a sum of such.
///
/// +1 bit doubles the odds that two records are one person, -1 bit halves them. Weights of
/// independent comparisons add up. Always finite.
#[derive(Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct MatchWeight(f64);

impl MatchWeight {
    /// No evidence either way: the weight of a missing value.
    pub const ZERO: Self = Self(0.0);

    /// A weight from bits. A value that is not finite becomes the nearest finite bound of ±2,000
    /// bits, beyond which probabilities are 0 or 1 in double precision anyway.
    #[must_use]
    pub fn from_bits(bits: f64) -> Self {
        if bits.is_nan() { Self::ZERO } else { Self(bits.clamp(-2000.0, 2000.0)) }
    }

    /// log2(m/u) of a level.
    #[must_use]
    pub fn from_m_u(m: Probability, u: Probability) -> Self {
        Self::from_bits((m.value() / u.value()).log2())
    }

    /// The weight of a prior probability: log2(p / (1 - p)).
    #[must_use]
    pub fn from_prior(prior: Probability) -> Self {
        Self::from_bits((prior.value() / (1.0 - prior.value())).log2())
    }

    /// The weight in bits.
    #[must_use]
    pub const fn bits(self) -> f64 {
        self.0
    }

    /// 2^w / (1 + 2^w), computed without overflow on either side.
    #[must_use]
    pub fn probability(self) -> MatchProbability {
        let value = if self.0 >= 0.0 {
            1.0 / (1.0 + (-self.0).exp2())
        } else {
            let odds = self.0.exp2();
            odds / (1.0 + odds)
        };
        MatchProbability(value)
    }
}

impl fmt::Debug for MatchWeight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:+.2} bits", self.0)
    }
}

impl fmt::Display for MatchWeight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:+.2}", self.0)
    }
}

impl Add for MatchWeight {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::from_bits(self.0 + other.0)
    }
}

impl AddAssign for MatchWeight {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for MatchWeight {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::from_bits(self.0 - other.0)
    }
}

impl Neg for MatchWeight {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for MatchWeight {
    fn sum<I: Iterator<Item = Self>>(weights: I) -> Self {
        weights.fold(Self::ZERO, Add::add)
    }
}

/// A probability strictly between 0 and 1, as m, u and the prior must be for weights to be finite.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Probability(f64);

/// A number that is no probability strictly between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbabilityError(pub f64);

impl fmt::Display for ProbabilityError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is not a probability above 0 and below 1", self.0)
    }
}

impl std::error::Error for ProbabilityError {}

impl Probability {
    /// Checks that the value lies strictly between 0 and 1.
    ///
    /// # Errors
    /// [`ProbabilityError`] for 0, 1, anything outside, and NaN.
    pub fn new(value: f64) -> Result<Self, ProbabilityError> {
        if value > 0.0 && value < 1.0 { Ok(Self(value)) } else { Err(ProbabilityError(value)) }
    }

    /// The nearest allowed probability, at least 1e-12 away from 0 and from 1. For estimates.
    #[must_use]
    pub fn clamped(value: f64) -> Self {
        let value = if value.is_nan() { 0.5 } else { value };
        Self(value.clamp(1e-12, 1.0 - 1e-12))
    }

    /// The value.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

/// The probability that two records are one person, given everything compared. From 0 to 1, both
/// included once a weight is beyond double precision.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct MatchProbability(f64);

impl MatchProbability {
    /// The value.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }

    /// The inverse of [`MatchWeight::probability`].
    #[must_use]
    pub fn weight(self) -> MatchWeight {
        MatchWeight::from_bits((self.0 / (1.0 - self.0)).log2())
    }
}

/// The two cut-offs of Fellegi and Sunter: at or above `link` the records are linked, at or above
/// `review` a person decides, below they stay apart. `review <= link` always.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Upper threshold.
    pub link: MatchWeight,
    /// Lower threshold.
    pub review: MatchWeight,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_and_probability_are_inverse_and_monotone() {
        let mut last = -1.0;
        for bits in [-2000.0, -60.0, -3.5, 0.0, 1.0, 7.25, 40.0, 2000.0] {
            let probability = MatchWeight::from_bits(bits).probability();
            assert!(probability.value() >= last);
            last = probability.value();
            if bits.abs() < 45.0 {
                assert!((probability.weight().bits() - bits).abs() < 1e-2);
            }
        }
    }

    #[test]
    fn only_open_interval_is_a_probability() {
        for bad in [0.0, 1.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Probability::new(bad).is_err());
        }
        assert!(Probability::new(0.5).is_ok());
    }
}
