//! Levels in order: closer agreement is never weaker evidence.
//!
//! Where levels stand in a natural order, m/u must fall from each to the next. Among all m with that
//! property the one that fits the counts best comes from pooling neighbours that violate it
//! (likelihood-ratio ordering with one side known; Dykstra, Kochar and Robertson 1995). Levels off the
//! order, such as a name of which one half is missing, are left alone.

use crate::compare::Comparison;

/// Places of the levels of a comparison that stand in an order, best first.
pub(super) const fn ordered_levels(comparison: Comparison) -> &'static [usize] {
    match comparison {
        // exact, one_close, both_close, different. Nicknames, swaps and parts of names are no steps
        // between them, and half a name is another kind of evidence.
        Comparison::Name => &[0, 3, 5, 12],
        // All but `partial`, which is no step between one digit and two parts.
        Comparison::BirthDate => &[0, 1, 2, 4, 5, 6],
        // All but `other_unit`.
        Comparison::Address => &[0, 2, 3, 4, 5],
        Comparison::MiddleName | Comparison::Ssn => &[0, 1, 2, 3],
        Comparison::Phone | Comparison::MotherMaidenName => &[0, 1, 2],
        Comparison::Suffix | Comparison::Sex | Comparison::Email | Comparison::Identifier => {
            &[0, 1]
        }
    }
}

/// Pools `m` so that m/u falls along `order`. The sum of `m` stays what it was.
pub(super) fn make_monotone(m: &mut [f64], u: &[f64], order: &[usize]) {
    // Pools as (sum of m, sum of u, levels), best first.
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(order.len());
    for at in order {
        let (Some(m), Some(u)) = (m.get(*at), u.get(*at)) else { return };
        let mut pool = (*m, *u, 1);
        while let Some(better) = pools.last().copied() {
            if better.0 * pool.1 >= pool.0 * better.1 {
                break;
            }
            pool = (better.0 + pool.0, better.1 + pool.1, better.2 + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let mut levels = order.iter();
    for (pooled_m, pooled_u, count) in pools.into_iter().filter(|pool| pool.1 > 0.0) {
        for at in levels.by_ref().take(count) {
            if count > 1
                && let (Some(m), Some(u)) = (m.get_mut(*at), u.get(*at))
            {
                *m = pooled_m * u / pooled_u;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_order_names_levels_of_its_comparison() {
        for comparison in Comparison::ALL {
            let order = ordered_levels(comparison);
            assert!(order.is_sorted() && order.len() >= 2);
            assert!(order.iter().all(|at| *at < comparison.levels().len()), "{comparison:?}");
        }
    }

    proptest! {
        #[test]
        fn pooling_orders_and_keeps_the_sum(
            shares in prop::collection::vec((1e-6..1.0_f64, 1e-6..1.0_f64), 2..8)
        ) {
            let (mut m, u): (Vec<f64>, Vec<f64>) = shares.into_iter().unzip();
            let before: f64 = m.iter().sum();
            let order: Vec<usize> = (0..m.len()).collect();
            make_monotone(&mut m, &u, &order);
            let ratios: Vec<f64> = m.iter().zip(&u).map(|(m, u)| m / u).collect();
            prop_assert!(ratios.windows(2).all(|it| it[0] >= it[1] * (1.0 - 1e-9)), "{ratios:?}");
            prop_assert!((m.iter().sum::<f64>() / before - 1.0).abs() < 1e-9);
            let once = m.clone();
            make_monotone(&mut m, &u, &order);
            prop_assert!(m.iter().zip(&once).all(|(one, other)| (one - other).abs() < 1e-9));
        }
    }
}
