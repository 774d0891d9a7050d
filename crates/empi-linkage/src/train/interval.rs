//! Limits of a share known from a count: Clopper and Pearson 1934, which never promise more than the
//! count tells, however small it is.

/// Steps of halving: more than double precision can tell apart.
const HALVINGS: u32 = 60;

/// Terms of the continued fraction, far more than it needs for counts up to millions.
const TERMS_MAX: u32 = 10_000;

/// The largest share under which as few as `hits` of `trials` have at least a chance of `error`. 1 when
/// there were no trials.
pub(super) fn upper_limit(hits: u64, trials: u64, error: f64) -> f64 {
    if hits >= trials {
        return 1.0;
    }
    let (hits, misses) = (hits as f64, (trials - hits) as f64);
    quantile(1.0 - error, hits + 1.0, misses)
}

/// The smallest share under which as many as `hits` of `trials` have at least a chance of `error`.
pub(super) fn lower_limit(hits: u64, trials: u64, error: f64) -> f64 {
    let hits = hits.min(trials);
    if hits == 0 {
        return 0.0;
    }
    quantile(error, hits as f64, (trials - hits) as f64 + 1.0)
}

/// Where the distribution function of Beta(a, b) reaches `probability`.
fn quantile(probability: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if incomplete_beta(middle, a, b) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function by its continued fraction (NIST DLMF 8.17.22).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return f64::from(x >= 1.0);
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    front.exp() / a / fraction(x, a, b)
}

/// 1 + d1/(1 + d2/(1 + ...)) by the method of Lentz.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let (mut value, mut c, mut d) = (1.0_f64, 1.0_f64, 0.0_f64);
    for term in 1..=TERMS_MAX {
        let half = f64::from(term / 2);
        let doubled = 2.0f64.mul_add(half, a);
        let numerator = if term % 2 == 0 {
            half * (b - half) * x / ((doubled - 1.0) * doubled)
        } else {
            -(a + half) * (a + b + half) * x / (doubled * (doubled + 1.0))
        };
        d = 1.0 + numerator * d;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = 1.0 + numerator / c;
        c = if c.abs() < TINY { TINY } else { c };
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-14 {
            break;
        }
    }
    value
}

/// Logarithm of the gamma function for arguments of 1 and more: Stirling's series (NIST DLMF 5.11.1)
/// after a shift to where four terms are exact to double precision.
fn ln_gamma(x: f64) -> f64 {
    const SHIFT: u32 = 12;
    let shifted = x + f64::from(SHIFT);
    let product: f64 = (0..SHIFT).map(|at| (x + f64::from(at)).ln()).sum();
    let inverse = 1.0 / shifted;
    let square = inverse * inverse;
    let series =
        inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (shifted - 0.5).mul_add(shifted.ln(), -shifted)
        + (2.0 * std::f64::consts::PI).ln() / 2.0
        + series
        - product
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_are_those_of_the_tables() {
        // Two-sided 95 % limits, 0.025 on each side.
        for (hits, trials, lower, upper) in [
            (0, 10, 0.0, 0.308_497),
            (1, 10, 0.002_529, 0.445_016),
            (5, 10, 0.187_086, 0.812_914),
            (10, 10, 0.691_503, 1.0),
            (0, 3000, 0.0, 0.001_228_8),
            (40, 1000, 0.028_724, 0.054_088),
        ] {
            assert!((lower_limit(hits, trials, 0.025) - lower).abs() < 2e-5, "{hits}/{trials}");
            assert!((upper_limit(hits, trials, 0.025) - upper).abs() < 2e-5, "{hits}/{trials}");
        }
        assert!((upper_limit(0, 0, 0.05) - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn limits_enclose_the_share(hits in 0..500_u64, misses in 0..5000_u64) {
            let trials = hits + misses;
            prop_assume!(trials > 0);
            let share = hits as f64 / trials as f64;
            let (lower, upper) = (lower_limit(hits, trials, 0.05), upper_limit(hits, trials, 0.05));
            prop_assert!(lower <= share + 1e-9 && share <= upper + 1e-9, "{lower} {share} {upper}");
            prop_assert!(upper_limit(hits, trials + 10, 0.05) <= upper + 1e-9);
        }
    }
}
