// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Lucene, which maps and unmaps the files of its index all the time, for tests/embedded.

import java.nio.file.Path;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StringField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.store.MMapDirectory;

/** Adds documents to the index in the first argument; prints N when N times 20 are found in it. */
public class LuceneWriter {
    public static void main(String[] arguments) throws Exception {
        MMapDirectory directory = new MMapDirectory(Path.of(arguments[0]));
        IndexWriter writer = new IndexWriter(directory, new IndexWriterConfig());

        for (int n = 1; ; n++) {
            for (int i = 0; i < 20; i++) {
                Document document = new Document();

                document.add(new StringField("kind", "a", Field.Store.NO));
                document.add(new StringField("number", n + "/" + i, Field.Store.YES));
                writer.addDocument(document);
            }
            writer.commit();
            try (DirectoryReader reader = DirectoryReader.open(directory)) {
                IndexSearcher searcher = new IndexSearcher(reader);
                int all = searcher.count(new TermQuery(new Term("kind", "a")));
                int last = searcher.count(new TermQuery(new Term("number", n + "/19")));

                if (all != n * 20 || last != 1)
                    System.out.println("wrong: " + all + " documents, " + last + " of the last");
            }
            System.out.println(n);
        }
    }
}
