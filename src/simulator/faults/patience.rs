//! How long a write may take. The time for which a fault holds the connection does not count.

use std::time::Duration;

use super::Line;

/// The time is looked at so often.
const LOOKS: u32 = 60;

/// What comes of it; none if it takes longer than that.
pub(in crate::simulator) async fn within<T>(
    time: Duration,
    line: Option<&Line>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut left = LOOKS;
    tokio::pin!(work);
    while left > 0 {
        if let Ok(done) = tokio::time::timeout(time / LOOKS, &mut work).await {
            return Some(done);
        }
        if !line.is_some_and(Line::is_held) {
            left -= 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::time::Instant;

    use super::super::line::Trouble;
    use super::*;

    const TIME: Duration = Duration::from_millis(60);

    #[tokio::test]
    async fn what_takes_too_long_is_given_up() {
        let line = Line::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(within(TIME, Some(&line), pending::<()>()).await, None);
        assert_eq!(within(TIME, None, pending::<()>()).await, None);
        assert_eq!(within(TIME, None, async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn the_time_of_a_fault_does_not_count() {
        for trouble in [
            Trouble { stalled: true, ..Trouble::default() },
            Trouble { slow: Some((1, TIME)), ..Trouble::default() },
        ] {
            let line = Line::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
            line.set(trouble);
            let (began, later) = (Instant::now(), TIME * 5);
            let write = async {
                tokio::time::sleep(later).await;
                line.set(Trouble::default());
                pending::<()>().await;
            };
            assert_eq!(within(TIME, Some(&line), write).await, None, "afterwards it does");
            assert!(began.elapsed() >= later, "{:?}", began.elapsed());
        }
    }
}
