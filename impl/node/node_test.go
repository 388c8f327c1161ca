package node

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func sample() *Record {
	r := &Record{LSN: 101, Epoch: 3, Group: 1, Prev: 99, Kind: Write, Last: true, Txn: MakeTxn(3, 7), Page: 5, Key: "X",
		Old: Some("500"), New: Some("510"), Undoes: 0, OldestActive: 101}
	r.Seal()
	return r
}

func TestRecordRoundTrip(t *testing.T) {
	r := sample()
	back, err := DecodeRecord(r.AppendBinary(nil))
	require.NoError(t, err)
	require.Equal(t, r, back)
}

// Every flipped bit and every cut is seen.
func TestDecodeRecordRefusesDamage(t *testing.T) {
	b := sample().AppendBinary(nil)
	for i := range b {
		for bit := range 8 {
			damaged := append([]byte(nil), b...)
			damaged[i] ^= 1 << bit
			_, err := DecodeRecord(damaged)
			require.Error(t, err, "bit %d of byte %d", bit, i)
		}
		_, err := DecodeRecord(b[:i])
		require.Error(t, err, "cut at %d", i)
	}
	_, err := DecodeRecord(append(b, 0))
	require.Error(t, err)
}

func TestHistory(t *testing.T) {
	h := FirstHistory().Cut(10, 2).Cut(20, 3)
	require.Equal(t, History{{1, 1}, {2, 11}, {3, 21}}, h)
	require.True(t, h.Has(10, 1) && h.Has(11, 2) && h.Has(21, 3))
	require.False(t, h.Has(11, 1) || h.Has(21, 2))
	require.Equal(t, Epoch(3), h.Line())
	require.Equal(t, LSN(20), h.Base())
	deep := h.Cut(5, 4) // a cut below an earlier one forgets that one: nothing of it is left
	require.Equal(t, History{{1, 1}, {4, 6}}, deep)
	back, err := DecodeHistory(h.AppendBinary(nil))
	require.NoError(t, err)
	require.Equal(t, h, back)
	for _, bad := range [][]byte{nil, {0}, {2, 1, 1}, {2, 2, 1, 1, 5}, {1, 1, 1, 9}} {
		_, err := DecodeHistory(bad)
		require.Error(t, err, "%v", bad)
	}
}

func TestCommon(t *testing.T) {
	a := FirstHistory().Cut(10, 2)
	for _, c := range []struct {
		b    History
		want LSN
	}{
		{a, ^LSN(0)},
		{FirstHistory(), 10},
		{FirstHistory().Cut(7, 3), 7},
		{FirstHistory().Cut(12, 3), 10},
		{a.Cut(15, 3), 15},
	} {
		require.Equal(t, c.want, a.Common(c.b))
		require.Equal(t, c.want, c.b.Common(a))
	}
}

func TestVolumeValidate(t *testing.T) {
	good := func() *Volume {
		return &Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 9, Segments: [][]ID{{1, 2, 3}}}
	}
	require.NoError(t, good().Validate())
	for why, breakIt := range map[string]func(*Volume){
		"no protection group":         func(v *Volume) { v.Segments = nil },
		"no epoch register":           func(v *Volume) { v.Register = 0 },
		"used twice":                  func(v *Volume) { v.Segments[0][1] = 1 },
		"write quorum 4":              func(v *Volume) { v.WriteQuorum = 4 },
		"read quorum 0":               func(v *Volume) { v.ReadQuorum = 0 },
		"group 1 has 2 segments":      func(v *Volume) { v.Segments = append(v.Segments, []ID{4, 5}) },
		"3 spares of 3":               func(v *Volume) { v.Spares = 3 },
		"-1 spares":                   func(v *Volume) { v.Spares = -1 },
		"write quorum 2, want 1 to 1": func(v *Volume) { v.Spares = 2 },
		"2 groups in use":             func(v *Volume) { v.InUse = 2 },
		"-1 pages in each group":      func(v *Volume) { v.GroupPages = -1 },
		"0 pages in each group":       func(v *Volume) { v.Segments, v.InUse = append(v.Segments, []ID{4, 5, 6}), 1 },
		"zones of 2 segments":         func(v *Volume) { v.Zones = []int{1, 2} },
		"tails of 4 segments":         func(v *Volume) { v.Tails = make([]bool, 4) },
		"keeps pages":                 func(v *Volume) { v.Tails = []bool{true, true, true} },
	} {
		v := good()
		breakIt(v)
		require.ErrorContains(t, v.Validate(), why)
	}
	loose := good()
	loose.WriteQuorum, loose.ReadQuorum = 1, 1
	require.NoError(t, loose.Validate(), "quorums that do not overlap are allowed: they must be found wrong, not refused")
}

// Two messages of a type that differ in anything have different digests.
func TestDigestsTellMessagesApart(t *testing.T) {
	seen := map[string]Message{}
	r, s := sample(), sample()
	s.New = Some("511")
	s.Seal()
	for _, m := range []Message{
		&Append{Epoch: 1}, &Append{Epoch: 2}, &Append{Epoch: 1, VDL: 3}, &Append{Epoch: 1, Records: []*Record{r}}, &Append{Epoch: 1, Records: []*Record{s}},
		&Fenced{Epoch: 1, History: FirstHistory()}, &Fenced{Epoch: 1, History: FirstHistory(), SCL: 2}, &Fenced{Epoch: 1, History: FirstHistory(), Held: []Held{{LSN: 1}}},
		&GossipAsk{Line: 1, Above: []LSN{3}}, &GossipAsk{Line: 1, Lost: []LSN{3}},
		&Swapped{Token: 1, Won: true}, &Swapped{Token: 1},
		&ReadPage{Page: 1, Attempt: 1}, &ReadPage{Page: 1, Attempt: 2},
	} {
		key := m.Type() + string(m.AppendDigest(nil))
		require.NotContains(t, seen, key, "%s and %s", Describe(m), seen[key])
		seen[key] = m
	}
}
