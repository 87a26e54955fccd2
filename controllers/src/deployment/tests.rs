use keelson_client::Kind;
