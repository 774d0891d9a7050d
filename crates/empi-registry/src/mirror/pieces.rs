//! A vector in pieces of one length.

/// Items in a piece.
const PIECE: usize = 4096;

/// Items by number. It grows by a piece at a time: what is there never moves, so that the largest index
/// grows as quickly as the smallest, and no room is kept for items that may never come.
#[derive(Debug)]
pub(crate) struct Pieces<T> {
    pieces: Vec<Vec<T>>,
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self { pieces: Vec::new() }
    }
}

impl<T> Pieces<T> {
    pub(crate) fn len(&self) -> usize {
        let last = self.pieces.last().map_or(0, Vec::len);
        self.pieces.len().saturating_sub(1) * PIECE + last
    }

    pub(crate) fn get(&self, number: usize) -> Option<&T> {
        self.pieces.get(number / PIECE)?.get(number % PIECE)
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.pieces.get_mut(number / PIECE)?.get_mut(number % PIECE)
    }

    pub(crate) fn push(&mut self, item: T) {
        match self.pieces.last_mut().filter(|piece| piece.len() < PIECE) {
            Some(piece) => piece.push(item),
            None => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(item);
                self.pieces.push(piece);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_by_number_across_pieces() {
        let mut pieces = Pieces::default();
        for number in 0..3 * PIECE + 1 {
            assert_eq!(pieces.len(), number);
            assert_eq!(pieces.get(number), None);
            pieces.push(number);
        }
        *pieces.get_mut(PIECE).unwrap() = 7;
        assert_eq!(pieces.get(PIECE), Some(&7));
        assert_eq!(pieces.get(3 * PIECE), Some(&(3 * PIECE)));
        assert_eq!(pieces.iter().count(), 3 * PIECE + 1);
    }
}
