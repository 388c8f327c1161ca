package volume_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/volume"
)

// States have one code when they are equal, or, with Symmetry, when replicas have only changed places; and a code can be read back.
func TestIdentity(t *testing.T) {
	w := volume.World{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 1, Txns: 1, MaxLSN: 2, MaxEpoch: 2, Answers: true}
	apart, err := volume.NewIdentity(w)
	require.NoError(t, err)
	w.Symmetry = true
	alike, err := volume.NewIdentity(w)
	require.NoError(t, err)

	storedOn := func(r int) *volume.State {
		s, err := volume.NewState(w)
		require.NoError(t, err)
		require.Empty(t, s.Write(1, 1, 0, true))
		require.Empty(t, s.Store(1, 1, r))
		return s
	}
	first, second := storedOn(0), storedOn(1)
	require.NotEqual(t, apart.Append(nil, first), apart.Append(nil, second))
	require.Equal(t, alike.Append(nil, first), alike.Append(nil, second))
	require.Equal(t, apart.Append(nil, first), apart.Append(nil, storedOn(0)))

	require.NoError(t, apart.Load(second, apart.Append(nil, first)))
	require.Equal(t, 1, second.Stored(0, 1))
	require.Equal(t, 0, second.Stored(1, 1))
	require.Error(t, apart.Load(second, []byte{1}))

	w.Replicas = 0
	_, err = volume.NewIdentity(w)
	var refused *volume.WorldError
	require.ErrorAs(t, err, &refused)
}

// What a segment told stays what it told.
func TestToldStored(t *testing.T) {
	s, err := volume.NewState(volume.World{Groups: 1, Replicas: 2, WriteQuorum: 2, ReadQuorum: 1, Keys: 1, Txns: 1, MaxLSN: 2, MaxEpoch: 2, Answers: true})
	require.NoError(t, err)
	require.Empty(t, s.Write(1, 1, 0, true))
	require.Empty(t, s.Store(1, 1, 0))
	require.Empty(t, s.Start(2))
	require.Empty(t, s.Fence(2, 0))
	require.Equal(t, 1, s.ToldStored(2, 0, 1))
	require.Zero(t, s.ToldStored(2, 0, 2), "beyond what it stored")
	require.Zero(t, s.ToldStored(2, 1, 1), "it has not told")
	require.Zero(t, s.ToldStored(1, 0, 1), "the first writer asks no segment")
}
