package check

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

type pair struct {
	A uint8
	B uint64
}

// padded is a state with holes between its fields, and fields of every kind.
type padded struct {
	Flag  bool
	Wide  uint64
	Small int8
	Pairs [3]pair
	_     [3]uint16
	Half  int16
	Flags [2][2]bool
	_     uint8
	F     float32
	Word  int32
	G     float64
	C     complex64
	D     complex128
	Last  uint16
}

// fill fills every field that has a name.
func fill(v reflect.Value, r *rand.Rand) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "_" {
				fill(v.Field(i), r)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), r)
		}
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(r.Int32()))
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(float64(r.Int32()), math.Copysign(0, -1)))
	default:
		if v.CanInt() {
			v.SetInt(r.Int64())
		} else {
			v.SetUint(r.Uint64())
		}
	}
}

// A state is written as package binary writes it, whatever lies in the holes between its fields, and reads again as itself.
func TestLayoutIsThatOfPackageBinary(t *testing.T) {
	l, fixed := layoutOf(reflect.TypeFor[padded]())
	require.True(t, fixed)
	require.Equal(t, binary.Size(padded{}), l.size)
	random := rand.New(rand.NewPCG(1, 1))
	for n := range 500 {
		// The holes are where the bytes beforehand show through.
		memory := make([]uint64, (unsafe.Sizeof(padded{})+7)/8)
		for i := range memory {
			memory[i] = random.Uint64()
		}
		s := (*padded)(unsafe.Pointer(unsafe.SliceData(memory)))
		fill(reflect.ValueOf(s).Elem(), random)
		want, err := binary.Append([]byte("before"), binary.LittleEndian, s)
		require.NoError(t, err)
		got := l.append([]byte("before"), unsafe.Pointer(s))
		require.Equal(t, want, got, n)
		var again padded
		require.NoError(t, l.load(unsafe.Pointer(&again), got[6:]))
		require.Equal(t, want[6:], l.append(nil, unsafe.Pointer(&again)))
		var theirs padded
		_, err = binary.Decode(got[6:], binary.LittleEndian, &theirs)
		require.NoError(t, err)
		require.Equal(t, theirs, again)
	}
}

// Every byte that is written is of one field: what differs in a field differs in what is written.
func TestLayoutTellsFieldsApart(t *testing.T) {
	l, _ := layoutOf(reflect.TypeFor[padded]())
	seen := map[string]bool{string(l.append(nil, unsafe.Pointer(&padded{}))): true}
	for _, s := range []padded{{Flag: true}, {Wide: 1}, {Small: -1}, {Pairs: [3]pair{{A: 1}}}, {Pairs: [3]pair{1: {A: 1}}}, {Pairs: [3]pair{2: {B: 1 << 63}}},
		{Half: 1}, {Flags: [2][2]bool{{true}}}, {Flags: [2][2]bool{1: {1: true}}}, {F: 1}, {Word: 1}, {G: 1}, {C: 1}, {D: 1i}, {Last: 1 << 15}} {
		code := string(l.append(nil, unsafe.Pointer(&s)))
		require.False(t, seen[code], "%+v", s)
		seen[code] = true
	}
}

func TestLayoutRefuses(t *testing.T) {
	for _, v := range []any{"", []uint8{1}, 1, uint(1), map[int8]int8{}, new(int8), struct{ A, B any }{}, [2]string{}, struct{ F func() }{}} {
		_, fixed := layoutOf(reflect.TypeOf(v))
		require.False(t, fixed, fmt.Sprintf("%T", v))
	}
	l, _ := layoutOf(reflect.TypeFor[padded]())
	var s padded
	code := l.append(nil, unsafe.Pointer(&s))
	require.ErrorContains(t, l.load(unsafe.Pointer(&s), code[1:]), "state of")
	require.ErrorContains(t, l.load(unsafe.Pointer(&s), append(code, 0)), "expected")
	code[0] = 2
	require.ErrorContains(t, l.load(unsafe.Pointer(&s), code), "2 as a bool at byte 0")
}

// Where numbers are in memory the other way round, they are turned.
func TestSwap(t *testing.T) {
	for width, want := range map[int][]byte{1: {1, 2, 3, 4, 5, 6, 7, 8}, 2: {2, 1, 4, 3, 6, 5, 8, 7}, 4: {4, 3, 2, 1, 8, 7, 6, 5}, 8: {8, 7, 6, 5, 4, 3, 2, 1}} {
		b := []byte{1, 2, 3, 4, 5, 6, 7, 8}
		swap(b, width)
		require.Equal(t, want, b)
	}
}
