"""Where step 2 starts from: the first values of the target language's embeddings."""
