// Audit-verify verifies a whole audit log that lies in a folder as C2SP tlog-tiles has it, with the packages of Go's
// checksum database: golang.org/x/mod/sumdb/note and golang.org/x/mod/sumdb/tlog. Of Bulla it knows the order of the
// files and the first line of a checkpoint, nothing else.
//
//	audit-verify -key VKEY [-older CHECKPOINT_FILE]... [-pruned N] FOLDER
//
// It prints "ok N entries" and ends with 0, or says what is wrong and at which entry, and ends with 1. It keeps all hashes
// of the tree, 64 bytes for each entry. Of bundles whose entries are all below N, the first index that the log keeps by its
// own entry log.prune, it takes the hashes where the entries are gone. With Debian's
// packages golang-go and golang-golang-x-mod-dev, without a network:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o audit-verify main.go
package main

import (
	"encoding/base64"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

func refuse(format string, values ...any) {
	fmt.Printf("refused: "+format+"\n", values...)
	os.Exit(1)
}

// treeOf reads a checkpoint that the log of this key signed.
func treeOf(file string, verifier note.Verifier) tlog.Tree {
	message, err := os.ReadFile(file)
	if err != nil {
		refuse("checkpoint: %v", err)
	}
	opened, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		refuse("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		refuse("checkpoint: it is that of another log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		refuse("checkpoint: it has no size")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		refuse("checkpoint: it has no root")
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}
}

// folder is a log as tlog reads it.
type folder string

func (f folder) Height() int                     { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := f.read(tile, "")
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// read reads a tile; a level is named where it is not that of the tile. Go's paths begin with the height, ours do not.
func (f folder) read(tile tlog.Tile, level string) ([]byte, error) {
	if level == "" {
		level = strconv.Itoa(tile.L)
	}
	place := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/%d/", tile.H, tile.L))
	return os.ReadFile(filepath.Join(string(f), "tile", level, place))
}

// entriesOf reads as many entries of a bundle as stand there whole.
func entriesOf(bundle []byte) (entries [][]byte, rest int) {
	for len(bundle) >= 2 && len(bundle) >= 2+int(binary.BigEndian.Uint16(bundle)) {
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:end])
		bundle = bundle[end:]
	}
	return entries, len(bundle)
}

// stored is every hash of a tree, in the order of tlog, from the entries alone.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, index := range indexes {
		all = append(all, s[index])
	}
	return all, nil
}

func (s *stored) add(index int64, leaf tlog.Hash) {
	hashes, err := tlog.StoredHashesForRecordHash(index, leaf, *s)
	if err != nil {
		refuse("entry %d: %v", index, err)
	}
	*s = append(*s, hashes...)
}

// hashesIn asks the tiles for so many hashes of a level. They have the last word about no entry: TreeHash has.
func hashesIn(tiles tlog.HashReader, level int, first, count int64) []tlog.Hash {
	var places []int64
	for index := first; index < first+count; index++ {
		places = append(places, tlog.StoredHashIndex(level, index))
	}
	hashes, err := tiles.ReadHashes(places)
	if err != nil {
		start := first << level
		refuse("tile of entries %d to %d: %v", start, start+count<<level-1, err)
	}
	return hashes
}

// readBundle adds the entries from this one on to the tree, and compares them with their tile and with the hash above it.
func readBundle(log folder, tiles tlog.HashReader, tree *stored, first, count, pruned int64) {
	bundle, err := log.read(tlog.Tile{H: 8, N: first / width, W: int(count)}, "entries")
	if os.IsNotExist(err) && first+width <= pruned {
		for at, leaf := range hashesIn(tiles, 0, first, count) {
			tree.add(first+int64(at), leaf)
		}
		return
	}
	if err != nil {
		refuse("entries %d to %d: %v", first, first+count-1, err)
	}
	due := hashesIn(tiles, 0, first, count)
	entries, rest := entriesOf(bundle)
	wrong := 0
	for wrong < len(due) && wrong < len(entries) && tlog.RecordHash(entries[wrong]) == due[wrong] {
		wrong++
	}
	if len(entries) < len(due) {
		refuse("entry %d: it is not there, or does not have its hash", first+int64(wrong))
	}
	for at := range due {
		tree.add(first+int64(at), tlog.RecordHash(entries[at]))
	}
	isTile := false
	if count == width {
		above := hashesIn(tiles, 8, first/width, 1)[0]
		isAbove := (*tree)[tlog.StoredHashIndex(8, first/width)] == above
		isTile = isAbove == (wrong < len(due))
	}
	if isTile {
		refuse("tile of entries %d to %d: a hash was changed", first, first+count-1)
	}
	if wrong < len(due) {
		refuse("entry %d: it does not have its hash", first+int64(wrong))
	}
	if len(entries) > len(due) || rest > 0 {
		refuse("entry %d: something follows it", first+count-1)
	}
}

// checkLast proves that the last entry is in the tree, as somebody who has no more than the proof would see it.
func checkLast(hashes stored, tree tlog.Tree) error {
	proof, err := tlog.ProveRecord(tree.N, tree.N-1, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, tree.N-1, hashes[tlog.StoredHashIndex(0, tree.N-1)])
}

func checkOlder(hashes stored, tree, older tlog.Tree) error {
	proof, err := tlog.ProveTree(tree.N, older.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash)
}

func main() {
	key := flag.String("key", "", "key of the log, as C2SP signed-note writes it")
	pruned := flag.Int64("pruned", 0, "the first index that the log keeps, as its entry log.prune says")
	var older []string
	flag.Func("older", "file of a checkpoint that was kept", func(file string) error {
		older = append(older, file)
		return nil
	})
	flag.Parse()
	verifier, err := note.NewVerifier(*key)
	if err != nil || flag.NArg() != 1 {
		refuse("usage: audit-verify -key VKEY [-older CHECKPOINT_FILE]... [-pruned N] FOLDER (%v)", err)
	}
	log := folder(flag.Arg(0))
	tree := treeOf(filepath.Join(flag.Arg(0), "checkpoint"), verifier)
	var kept []tlog.Tree
	for _, file := range older {
		before := treeOf(file, verifier)
		if before.N > tree.N {
			refuse("rollback: the log has %d entries now and had %d before", tree.N, before.N)
		}
		if before.N == tree.N && before.Hash != tree.Hash {
			refuse("fork: the log has two trees of %d entries", tree.N)
		}
		kept = append(kept, before)
	}
	tiles := tlog.TileHashReader(tree, log)
	var hashes stored
	for first := int64(0); first < tree.N; first += width {
		readBundle(log, tiles, &hashes, first, min(width, tree.N-first), *pruned)
	}
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil || root != tree.Hash {
		refuse("root: the entries do not lead to the root of the checkpoint (%v)", err)
	}
	for _, before := range kept {
		if before.N > 0 && checkOlder(hashes, tree, before) != nil {
			refuse("fork: the log does not begin with the %d entries that it had", before.N)
		}
	}
	if tree.N > 0 && checkLast(hashes, tree) != nil {
		refuse("entry %d: its proof does not hold", tree.N-1)
	}
	fmt.Printf("ok %d entries\n", tree.N)
}
