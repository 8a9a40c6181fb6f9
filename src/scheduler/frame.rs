//! Messages on the wire: `outer | count | length… | frame…`, numbers as 64 bits little-endian.
//!
//! `outer` counts the bytes after itself that belong to the first block. Frames beyond it follow
//! without a further header, so a reader of whole messages needs only the lengths. The first frame
//! is the message. The others hold pickled Python, which dgw skips.

use tokio::io::{AsyncRead, AsyncReadExt as _, sink};

use super::error::SchedulerError;

/// Limit on the number of frames. Errors come with four besides the message.
const FRAMES_LIMIT: u64 = 1024;

/// Bytes of a number.
const NUMBER: u64 = 8;

/// Packs `message` as the only frame of its own block.
pub(super) fn pack(message: &[u8]) -> Vec<u8> {
    let length = message.len() as u64;
    let mut packed = Vec::with_capacity(message.len() + 24);
    for number in [2 * NUMBER + length, 1, length] {
        packed.extend_from_slice(&number.to_le_bytes());
    }
    packed.extend_from_slice(message);
    packed
}

/// Reads the next message. Allocates memory for bytes that have arrived, never for a length that
/// the peer merely claims.
///
/// # Errors
/// Fails if the connection ends or breaks, or if the message is malformed or larger than `limit` with
/// all its frames.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    limit: u64,
) -> Result<Vec<u8>, SchedulerError> {
    let outer = stream.read_u64_le().await?;
    let count = stream.read_u64_le().await?;
    if count == 0 {
        return Err(SchedulerError::Malformed("it has no frames"));
    }
    if count > FRAMES_LIMIT {
        return Err(SchedulerError::Malformed("it has too many frames"));
    }
    let message = stream.read_u64_le().await?;
    let mut rest = 0_u64;
    for _ in 1..count {
        rest = rest.saturating_add(stream.read_u64_le().await?);
    }
    let total = message.saturating_add(rest);
    if total > limit {
        return Err(SchedulerError::TooLarge);
    }
    let header = NUMBER * (1 + count);
    if outer < header + message || outer > header + total {
        return Err(SchedulerError::Malformed("its lengths do not add up"));
    }
    let mut frame = Vec::new();
    (&mut *stream).take(message).read_to_end(&mut frame).await?;
    let skipped = tokio::io::copy(&mut stream.take(rest), &mut sink()).await?;
    if (frame.len() as u64) < message || skipped < rest {
        return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt as _;

    const LIMIT: u64 = 1 << 20;

    /// Reads a message from `bytes` that arrive in pieces of these `sizes`; returns how many bytes
    /// are left too.
    fn read_in_pieces(bytes: &[u8], sizes: &[usize]) -> (Result<Vec<u8>, SchedulerError>, usize) {
        let (mut near, mut far) = tokio::io::duplex(64);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let writing = async move {
            let mut left = bytes;
            let mut sizes = sizes.iter().cycle();
            while !left.is_empty() {
                let size = sizes
                    .next()
                    .map_or(left.len(), |size| *size)
                    .min(left.len());
                if far.write_all(&left[..size]).await.is_err() {
                    break;
                }
                left = &left[size..];
                tokio::task::yield_now().await;
            }
        };
        runtime.block_on(async {
            let reading = async {
                let message = read(&mut near, LIMIT).await;
                let mut rest = Vec::new();
                if message.is_ok() {
                    near.read_to_end(&mut rest).await.expect("the rest");
                }
                drop(near);
                (message, rest.len())
            };
            tokio::join!(reading, writing).0
        })
    }

    /// Packs a message of `frames`, the last `outside` of them outside the first block.
    fn packed(frames: &[Vec<u8>], outside: usize) -> Vec<u8> {
        let inside = &frames[..frames.len() - outside];
        let block = inside.iter().map(Vec::len).sum::<usize>() + 8 * (1 + frames.len());
        let mut numbers = vec![block, frames.len()];
        numbers.extend(frames.iter().map(Vec::len));
        let header = numbers
            .iter()
            .flat_map(|number| (*number as u64).to_le_bytes());
        header.chain(frames.iter().flatten().copied()).collect()
    }

    #[test]
    fn packs_messages_as_distributed_does() {
        let close = b"\x82\xa2op\xa5close\xa5reply\xc3";
        let packed = pack(close);
        assert_eq!(packed[..8], 0x21_u64.to_le_bytes());
        assert_eq!(packed[16..24], 0x11_u64.to_le_bytes());
        let (message, left) = read_in_pieces(&packed, &[]);
        assert_eq!(message.expect("a message"), close);
        assert_eq!(left, 0);
    }

    #[test]
    fn refuses_impossible_lengths() {
        let numbers = |numbers: &[u64]| {
            let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
            bytes.collect::<Vec<_>>()
        };
        for (header, is_too_large) in [
            (numbers(&[u64::MAX, 1, u64::MAX - 16]), true),
            (numbers(&[u64::MAX, 2, u64::MAX, u64::MAX]), true),
            (numbers(&[LIMIT + 17, 1, LIMIT + 1]), true),
            (numbers(&[8, 0]), false),
            (numbers(&[u64::MAX, u64::MAX]), false),
            (numbers(&[17, 1, 0]), false),
            (numbers(&[16, 1, 1]), false),
        ] {
            let (message, _) = read_in_pieces(&header, &[]);
            let error = message.expect_err("no message");
            assert_eq!(
                matches!(error, SchedulerError::TooLarge),
                is_too_large,
                "{error}"
            );
            assert!(
                is_too_large || matches!(error, SchedulerError::Malformed(_)),
                "{error}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn reads_messages_split_anywhere(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..6),
            outside in 0_usize..5,
            sizes in prop::collection::vec(1_usize..70, 1..8),
            next in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let mut bytes = packed(&frames, outside.min(frames.len() - 1));
            bytes.extend(&next);
            let (message, left) = read_in_pieces(&bytes, &sizes);
            prop_assert_eq!(&message.expect("a message"), &frames[0]);
            prop_assert_eq!(left, next.len());
        }

        #[test]
        fn fails_where_a_message_ends_early(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 1..4),
            cut in 1_usize..60,
        ) {
            let bytes = packed(&frames, 0);
            let kept = bytes.len().saturating_sub(cut);
            prop_assert!(read_in_pieces(&bytes[..kept], &[7]).0.is_err());
        }

        #[test]
        fn reading_garbage_does_not_panic(
            garbage in prop::collection::vec(any::<u8>(), 0..300),
            count in 0_u64..5,
        ) {
            let _ = read_in_pieces(&garbage, &[11]);
            let mut counted = garbage.clone();
            if let Some(place) = counted.get_mut(8..16) {
                place.copy_from_slice(&count.to_le_bytes());
            }
            let _ = read_in_pieces(&counted, &[11]);
        }
    }
}
