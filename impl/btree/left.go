package btree

// Left returns how many pages below the capacity were never allocated; false when the meta page is missing. Pages that
// were given back come on top: they are used first.
func (t Tree) Left() (int, bool) {
	_, m, err := t.meta()
	if err != nil {
		return 0, false
	}
	return max(0, int(t.Capacity)-int(m.next)), true
}
