//! Exact arithmetic against an independent decimal library, and the grammar of numbers.

use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode};
use proptest::prelude::*;
use schemas::units::{Decimal, DecimalError, Price, Qty, Rounding, ratio};

#[test]
fn numbers_follow_the_grammar_of_json() {
    for good in ["0", "-0", "1", "10", "0.5", "1e5", "1E+5", "2.5e-8", "1e18", "1e-18", "64000.10", "-1.5"] {
        assert!(Decimal::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "", " 1", "1 ", "+1", "01", "-", ".5", "5.", "1e", "1e+", "0x10", "1_0", "1,5", "NaN", "Infinity",
        "true", "1.2.3", "١٢", "--1", "1e1.5",
    ] {
        assert_eq!(Decimal::parse(bad), Err(DecimalError::Syntax), "{bad}");
    }
}

#[test]
fn numbers_have_a_range_and_at_most_28_digits() {
    for out in ["1e400", "1e19", "1e-19", "1000000000000000001", "9.99e-19", "1e99999999999999999999"] {
        assert_eq!(Decimal::parse(out), Err(DecimalError::OutOfRange), "{out}");
    }
    assert!(Decimal::parse("123456789012345678.0123456789").is_ok());
    assert_eq!(Decimal::parse("123456789012345678.01234567891"), Err(DecimalError::TooManyDigits));
    assert_eq!(Decimal::parse("0.0000000000000000000000000000000000"), Ok(Decimal::ZERO));
    assert_eq!(Decimal::parse("1.0"), Decimal::parse("1"));
}

#[test]
fn text_has_exactly_the_decimals_asked_for() {
    assert_eq!(Price::from_steps(6_400_010).text(2).to_string(), "64000.10");
    assert_eq!(Price::from_steps(5).text(8).to_string(), "0.00000005");
    assert_eq!(Qty::from_steps(7).text(0).to_string(), "7");
    assert_eq!(Qty::ZERO.text(3).to_string(), "0.000");
    assert_eq!(Qty::from_steps(-1_500).text(3).to_string(), "-1.500");
}

fn big(value: i128) -> BigDecimal {
    BigDecimal::from(BigInt::from(value))
}

/// `a * b * c * 10^exponent / divisor` by the oracle, rounded to a whole number.
fn oracle(factors: [i128; 3], divisor: i128, exponent: i32, rounding: Rounding) -> BigDecimal {
    let product = factors.iter().fold(big(1), |product, factor| product * big(*factor));
    let power = BigDecimal::new(BigInt::from(1), i64::from(-exponent));
    let (numerator, divisor) =
        if exponent >= 0 { (product * power, big(divisor)) } else { (product, big(divisor) / power) };
    let numerator = numerator.with_scale(0).into_bigint_and_exponent().0;
    let divisor = divisor.with_scale(0).into_bigint_and_exponent().0;
    let (quotient, rest): (BigInt, BigInt) = (&numerator / &divisor, &numerator % &divisor);
    let twice = &rest * 2;
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest > BigInt::from(0),
        Rounding::HalfEven => twice > divisor || (twice == divisor && &quotient % 2 == BigInt::from(1)),
    };
    BigDecimal::from(quotient + i32::from(up))
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop_oneof![Just(Rounding::HalfEven), Just(Rounding::Down), Just(Rounding::Up)]
}

/// Magnitudes spread over all sizes, so that the way beyond 128 bits is taken as often as the short one.
fn magnitude() -> impl Strategy<Value = i128> {
    (0_u32..28, 0_i128..10_000).prop_map(|(power, value)| value * 10_i128.pow(power))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn ratio_is_exact_beyond_128_bits(
        a in magnitude(), b in magnitude(), c in magnitude(), divisor in magnitude(), exponent in -40_i32..20,
        rounding in rounding(),
    ) {
        prop_assume!(divisor > 0);
        let want = oracle([a, b, c], divisor, exponent, rounding);
        match ratio([a, b, c], divisor, exponent, rounding) {
            Some(got) => prop_assert_eq!(big(got), want),
            None => prop_assert!(want > big(i128::MAX)),
        }
    }

    #[test]
    fn a_number_survives_its_text(mantissa in 1_i128..10_i128.pow(28), scale in 0_u32..20) {
        let number = Decimal::new(mantissa, scale);
        let text = number.to_string();
        match Decimal::parse(&text) {
            Ok(back) => {
                prop_assert_eq!(back, number);
                prop_assert_eq!(BigDecimal::from_str(&text).unwrap(), BigDecimal::new(mantissa.into(), scale.into()));
            }
            Err(error) => prop_assert_eq!(error, DecimalError::OutOfRange),
        }
    }

    #[test]
    fn order_agrees_with_the_oracle(
        a in 0_i128..10_i128.pow(28), b in 0_i128..10_i128.pow(28), scale_a in 0_u32..46, scale_b in 0_u32..46,
    ) {
        let oracle = BigDecimal::new(a.into(), scale_a.into()).cmp(&BigDecimal::new(b.into(), scale_b.into()));
        prop_assert_eq!(Decimal::new(a, scale_a).cmp(&Decimal::new(b, scale_b)), oracle);
    }

    #[test]
    fn steps_round_as_the_oracle_does(mantissa in 0_i128..10_i128.pow(28), scale in 0_u32..30, decimals in 0_u8..18) {
        let number = BigDecimal::new(mantissa.into(), scale.into());
        for (mode, oracle) in [
            (Rounding::HalfEven, RoundingMode::HalfEven),
            (Rounding::Down, RoundingMode::Floor),
            (Rounding::Up, RoundingMode::Ceiling),
        ] {
            let want = number.with_scale_round(decimals.into(), oracle);
            match Decimal::new(mantissa, scale).to_steps(decimals, mode) {
                Some(steps) => prop_assert_eq!(BigDecimal::new(steps.into(), decimals.into()), want),
                None => prop_assert!(want.with_scale(decimals.into()) > BigDecimal::new(i128::MAX.into(), decimals.into())),
            }
        }
    }

    #[test]
    fn scaled_text_reads_back(steps in any::<i64>(), decimals in 0_u8..19) {
        let text = Price::from_steps(steps.into()).text(decimals).to_string();
        prop_assert_eq!(BigDecimal::from_str(&text).unwrap(), BigDecimal::new(steps.into(), decimals.into()));
        prop_assert_eq!(text.split_once('.').map_or(0, |(_, fraction)| fraction.len()), usize::from(decimals));
    }
}
