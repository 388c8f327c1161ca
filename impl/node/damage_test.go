package node

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every message with records is damaged in exactly one of them, the checksum tells, and the message itself stays as it was.
func TestADamagedCopyIsToldByAChecksum(t *testing.T) {
	record := func(l LSN) *Record {
		r := &Record{LSN: l, Epoch: 3, Group: 1, Prev: l - 1, Kind: Write, Txn: 7, Page: 2, Key: "k", Old: Some("old"), New: Some("new")}
		r.Seal()
		return r
	}
	carried := 0
	for _, m := range messages() {
		v := reflect.ValueOf(m).Elem()
		f := v.FieldByName("Records")
		if !f.IsValid() || f.Type() != reflect.TypeFor[[]*Record]() {
			continue
		}
		carried++
		for which := range uint64(400) {
			f.Set(reflect.ValueOf([]*Record{record(4), record(5), record(6)}))
			damaged, is := DamagedCopy(m, which*0x9e3779b97f4a7c15)
			require.True(t, is, m.Type())
			wrong := 0
			for i := range f.Len() {
				require.True(t, f.Index(i).Interface().(*Record).Intact(), "%s: the original changed", m.Type())
				if !reflect.ValueOf(damaged).Elem().FieldByName("Records").Index(i).Interface().(*Record).Intact() {
					wrong++
				}
			}
			require.Equal(t, 1, wrong, "%s, %d", m.Type(), which)
		}
		f.SetZero()
		_, is := DamagedCopy(m, 1)
		require.False(t, is, m.Type())
	}
	require.Equal(t, 5, carried)
}

// One bit of one image, and of no other.
func TestADamagedImageDiffersByOneBit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		fill := &FillGive{Images: [][]byte{{1, 2, 3}, {4, 5}}}
		damaged, is := DamagedCopy(fill, r.Uint64())
		require.True(t, is)
		bits := 0
		for i, image := range damaged.(*FillGive).Images {
			for j := range image {
				for x := image[j] ^ fill.Images[i][j]; x != 0; x &= x - 1 {
					bits++
				}
			}
		}
		require.Equal(t, 1, bits)
		require.Equal(t, [][]byte{{1, 2, 3}, {4, 5}}, fill.Images)
	}
	for _, m := range []Message{&FillGive{}, &PageImage{}, &Fence{Epoch: 3}, &Opaque{Kind: "x", Bytes: []byte{1}}} {
		_, is := DamagedCopy(m, 5)
		require.False(t, is, m.Type())
	}
}

// What a way does to a record has a form in JSON, and is told from what is whole.
func TestDamageCanBeTold(t *testing.T) {
	f := FormOf[struct{ Message Message }]()
	whole := &Append{Epoch: 3, Records: []*Record{sample(), sample()}}
	m, damaged := DamagedOnItsWay(whole)
	require.False(t, damaged)
	require.Same(t, whole, m)
	for which := range uint64(2 * 16 * 5) {
		d, is := DamagedCopy(whole, which)
		require.True(t, is)
		m, damaged := DamagedOnItsWay(d)
		require.True(t, damaged)
		v := struct{ Message Message }{m}
		text, err := f.AppendJSON(nil, &v)
		require.NoError(t, err, which)
		require.Error(t, f.DecodeJSON(text, &v), "%s", text)
		require.NoError(t, f.DecodeDamagedJSON(text, &v), "%s", text)
		require.Equal(t, m, v.Message)
		again, damaged := DamagedOnItsWay(v.Message)
		require.True(t, damaged)
		require.Equal(t, m, again)
	}
	for _, other := range messages() {
		_, carries := DamagedCopy(other, 0)
		_, damaged := DamagedOnItsWay(other)
		require.False(t, carries || damaged, "an empty one has nothing to damage")
	}
}
